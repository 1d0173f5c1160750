using System.IO.Compression;

namespace Coppice.Text.Unicode;

/// <summary>
/// Combining classes, decompositions and compositions of Unicode 9 (UnicodeData.txt, CompositionExclusions.txt): the version that Hugging
/// Face
/// tokenizers normalize with. The runtime's own tables are absent when globalization is invariant. Hangul syllables are left to arithmetic.
/// </summary>
/// <remarks>
/// Packed is deflated and in base 64; inside, numbers of 7 bits a byte, low bits first. Three lists follow, each with its length before it.
/// Classes: distance from the end of the last run, length, class. Canonical steps: distance from the last code point times 4, plus 2 for
/// two parts,
/// plus 1 if excluded from composition; then each part as a difference from the one before. Full compatibility decompositions:
/// distance, count, parts as differences from the last part of the entry before. Differences are folded to n * 2 or -n * 2 - 1.
/// </remarks>
internal static class NormalizationData
{
    private const string Packed =
        "7XwLXJVV2u9+1nrX2nu/G1C5SVp4qyyt1CxNs8vE1DTT1DTfdJ8uMzVNM1MiNiaQOoqoiIioiJcIEfFuhKiIiEhoqKiISKSIlwwRkciQzIiQ83/evTGyy/nmfDPf" +
        "mfOd6cdzedf1ua1nPe/e20rEJB1wmmx0hmzGUTelw2RT4MUedxtTF6hyPzp4+GcAUIlnCSqOEjG1lvAsJ9r5OvBnv029T1OiUKcpVhBGGTzKsxIdd/MavObNPX2i" +
        "ve+UZ1XTRi4bednI20Y+Nupko8426mIjX5vws5G/jQJsFEjUlSjIRlcRudch8n3QUiDYRj1s1HMgdbfR1Ta65nKLjXrZqLe1H2ugOu5/lDpTn5ftp0m0i4xlBbqo" +
        "w5A+dG0wfXuWRaXHHpft0q5xh+crKeYtIfs3jb2xLzlPW8YmiNYfi0b4fHv/y1S2b9quouwwwKPbCLJ3JqfssN8rVkvod/BE689Oj9noty+3t4wn50jxio2c3sar" +
        "r4mxPsabv8TC3S1DMxymoRSFpSeDn0LKmEyCeUtCJ5O7MSyM7CSc/wGuVEHEjXZy9iBnChQ1IddegssTyPK9W8qqdmf+jJz+cCbH0ED17XgZS/ZO5Ly+XS+YcIhw" +
        "Die7SzhDyL7Qsh95wvybuIUgBoZrsBLNO0l8M/8b03IMf+hxCY7GdadJtcd5B98dUJaZ3dEtramGte63vSwub36pK4SKh9a/63ma1hh0xBPsZ9yBLz6iPwvHB/Ws" +
        "vGGepp5Y8FHAPEHOfMzq7nuahsHd15HzBbJ7kfMcj2zXgINUWYF6mm4j5xeYsG4xUbcozarZ3aqV2DHyY/ZcEgfXXG/Lh6fpBktgax2DnMvbzX/CJOcd5BxGThvZ" +
        "74fwA4XzbrL/kpxOsv/Fal0Pk8LTv7biJQhbSaxbQhxx9nHWiBayyN/IOdZi/krORKy7LgVGvRMTapdChJ03isNsRAnpbOowORzQSLmjOBj2ncf+zOuO4dQF8WB3" +
        "6806LO8C3UZyMiH7zM6TdStdMnUbTXLpKDHZpaPFFJeeKma5dIyY6zJjxG5+/MLE45emjhVfmTpOTOO2T7ntM247z22XTHOqOGui42PuOMUdp7njjKnjMcQnRnzI" +
        "bYe57Qi3neZxB0yfVtrGErxnQoLtJiR4n1fZz70HTUgwnXfbxI+beYEtvMBOHvIut63jtvXcto0lWMMdS7ljGXes4I5VvNt6lmA+ty3ktre4bQWPm22acWKxqVtZ" +
        "rQJeOUrOcOkdYg+WkvtdehdbY6r82gS3FQtIGGwvdtPxEqKVit2mniPnunQ5xNWJcrZLV7Bai3hcFY9LkTDsCdYtTcK61azgcrnTpWt5y9USy9ezvqsl7FzPqmbw" +
        "3HM8N0vCM00CxsmW77n0RYHHHPm5qZvFRtMnn7k2cLqQ50ZLzC2S8FGMhJmK5TaXjuOlSiC9b7mEt5IkDFYhN7v0AvmlaVZKuCxZwmrH5CaXTuVVTvKW6fI9M7BO" +
        "wkdrJczUINe7dKaEpxvZEBvkVtO3mefm8dxWiWAokPBHlIEo2SE3mz7RxnGWBYaNMda4IAsGxxmfsywQN944aupS+TZMx+PKeVySscqlD0nEyyIDG1VJeDXZWOGC" +
        "aBAj1fiMRVtn+iznubU8dzXPree5GQai7pyE47MMbNTEUmUbn5j6onzH1Lm8SguvkmsgCFvkfOYOMjfX1Pm8Sr4BB7TJWbCkgeiMNhAgRcYpln6ZOYPS1EI4zjhs" +
        "Dt+gZrr0BWOfOXaBnu/SlQoLxmn4sUQhdKI1jF+kYPwWBZvkq3fZYgccsNhsh74g9zjgvRkO3Sw/csB2Sxyw3W4HbDfdYW4wJjkx5D2HnklbJdAWqXOMr3nwVodP" +
        "vkZQtikEZa5GOLUohFO2hlcuKhhLbjS0XG/okWuU3ik+J4j0vulbqWHvZI1AKddQJUnjTNQZXzr0WmOzQ9cbXzhguE0Ovdc46IBL5kIa/TYOgYaBo+xLcAj0R/Cu" +
        "nsdtH3DbQm47zG0zuW0ft83mtgOISI24ydPvce8U7kWYt7A98jXs0aYRh4V6G/dCqgJIhbkcLZqPtR0e2qs5YdiXwZYQ12etHcerQe82g4vt2C3Ojt2K7O8jM9mx" +
        "/Ep11AFl3oYK6rhDnzMWO3S+/TPeCBEu35FarpE6yw73NOn5ZrZjoprofMEe7l1IF8SNU72Dc13rnTowVahUl+62Uuir1wodnCnM6/OEecsuoW8rFXrMHPmXXmlC" +
        "u3KFNk8I3blWaN96of3PCT0kEX0n0dcs9FUtQneKkdqZIAMpDVsnyvXUb7Whb1hkmD3TDV9qkYFXZxk6MNPQ/XKNWygdNz9VG8/fXmfooZWGeU81BiWrwJBGQ//8" +
        "nKFvbzZelMVKy71qjagQqYZeIE4Yw9tEoqELRbmBs55g6CJRavhEyRQD6eqY4SNT7Vqm2XHmkw1dIqoMpCj0lXJfolxpIDHVYiGJ1Sqxmk6Qaw1dJuoxswAzC+1I" +
        "gsUGkmCsQqLIN/Qh0WroRTLbQCK7YCCRQfwT4hy35XNbq4E0V8TcVLXCaT6lHc/oB4O08ax+0P+s0S9KmFRJD1ALHfGlG3pTkA/5JtJUesQ+lX4J+IV9wr32N4bY" +
        "37jN/nJv+wvd1kt7F+3sGWI1uV7oVi7Iv5PhSKBvhnd6ufcaOwX7dBh4nOQM1Ab2ThqNrt7npez5saSbgilYy56m3a4p8JJs791i0DWm8tPURzu9FrhQuvRH6dKV" +
        "9gG2AzbT0F+jTQqXXdsjXnKNfblvj+CH6Bf9aUhXuqkr9e5KQUN//YtNknwnP0m/M+lZk54y6TGTHvWlB1dYJZq3j+yipZ9JV30R0DoWF2jBWERy21gc4MKxOMDR" +
        "4dtdumgsTnFM+HGkxrGLcfm+8blD7xiz0aHjwjmZjEUySQhH/i4bi3OTGH4Et8rYt5C1w3FvVI7FkOTwg0iNY3HxRI85agc6YtcxY44zwuPy8AO4X8bibK4O/xD3" +
        "y1jkqtpRSCu1o5BWMsOxeeNYpJCscBzQprE4oBvCsdGFsTigOeG4CprH4irIC8eRbh2LI13AskTxkB3h+3AdhuNEFoXvZxVwfeW/ccqh28Ysc+jicCTduHAk3ZLw" +
        "dS6ogBNZxjMSeUZ5+LsunRSOzCirX9Oy5jVdFb7HpVPCYZoTbJU0FuxkOO6A9HBc2zXhSBUrw5Eq6sLfcem1vHh9OPJdRjguh3PhuFiywjnfs1Wy2XAXWc5clrPh" +
        "jcMOnfnGQodufOM0EvAbKxwwzRkNdFrruDFnGfFjBK6O4nBcHXERn7LY7zJ3ljlcIgkRS+GDcAyRa0dqmTFSL4jADpW8w6IIyFnFcqZELGEFkCwTxxzRQId58f2M" +
        "9mntyh6pXTkj9doI5LeGcFynmRFweWM47p0NEVtwnbATciKQzJtZuVzubeHe/Ah4oi0cniiMgDWjI2DN1DHrNdA6RlsZbdF6bwRXVBG4s0ojECRz+LEsgsuRCFxw" +
        "FRHI3Qsi5pm6knVNjoCuxyIgbGrEEtypEUjq6RFI6tUR2HJ5BK7TWu5dzb11EbgL1kbgsq2PQI7PiJgNu0cg6LJ4+aYI+DObzVbFbUURq1hSKFiAPcycMbN1YH4k" +
        "MnZbBDJ2YSSiMTryAIfQJQdCaJtD7wrH/RYbvhV3UPgsp44P3+/QpeGTnXpO+HaH7poXqrvmh+pDYy/Zgb626yo3+squT4yd5QCa6dDVYyczmuTQ/TeE6v7Zobom" +
        "cisuiEgUKnWROHlrI1GiNfBjZiQKuNrwTx04Fe/iBgz/BNdH+Du4PliiLJaoKfy8A6G03qG714fq7g2hujUSh6AgkuvTNzfirovk6isStUpeJPzfyo8FkQjRi+FH" +
        "HAi9txzwHUIvPxyh1xZ+1qELw9c44DvcUkXhuKW6Jo7SXZNG6aYx2xXQe0pfdKNtSreMOcjogMJp2snofaWj35imgaZonfImbucTkfBI2pvYujoS5m4cs0wBLVX6" +
        "ghstUbp5zEZG65VuHbOK0QqFBHOG0Wmls95EqdMUiVIn+03c7BcjER25b8LhLZFweP6beGyLnGcGp4zMEzp1JK4+2TZKy6gwbW8dpe3gXS2h2tUaqhtGtpA+N7KZ" +
        "tEwI03IORsQDwLviMCp+lM4euUPonJGFWCMVI9LQmwJIDfOZGhotdExoFHoy0ZOF1gxAZphP2UjcvuUji9BTgJ5CtOYDwLvysGr+KJ0WGiN0euhUjCjFiDL0lgDA" +
        "u/ZiRMkoSLZXQLJijDiBESfRewwA3lWFEcdG6fzQOKELQmMx4hxGNKK3AQDeVY8RDaN0VOghoaNDK1h/jIgaDf0xog0Shi6AhKFJ6EkYDb3REw9IGO2TFFot9ILQ" +
        "k6wvetLQmgIA70rGyilhZm1omjBl1mjTnjnadEHljFAUFJmhdawuphRieD4AvCsPU6B6ayhKk7bQ1awuRpShtwQA3rUXI0p4xEmhYkfpZiyj4pg2CBXPtFGohFG6" +
        "MbRVqMpQXRcaK1UVDkjoHKmOhfq00YVQvHpdZNTMqIVRK6M2RlGjgKIZTWUUwyiWURyjeEYJjOYwQlifoGxGOYxyGeUxymdUwKiQ0Q5GRYx2MSpmtJdRCaNSRmWM" +
        "ykfpidlhemIOIBcAa0yENSYiECYiKCbuABQBdgGKAbDFRNhiIsJgIkJiYjnsMgreaxtVCT9SRZiODjtEOiGshMzYsGOk6eRoXRIGL5aGLRK6LCxNqLowXRG2gJyx" +
        "YT5Z43GmkwlhsyCsmvTasDIyU8LqMC3qdV0TtlooRERNWIZQ0aN1XVg66e6tr+trWl7XPZpH64ywGng1DF5NCEuUaupon9ywBtKLwhKEbg1bDqmwgo4anSVU2mjz" +
        "vpa/6nub/6rvvvi6zg5rxZEJi5JYI0mqmjBdFFYl9K4waFEYNpX75gg9dXQ+js9oHKzY0cVC5Y7WSaOhROyEdU5VNlql/M2nnhDP5WE4KXsxwawMixfQ+HWdhZmq" +
        "crROG10m1KHRevnoXaTmTPA2lJHkbH6jS340qb1RtE36ZUbqLhsiHxmcE/k3nfmm9sp5U+sNb35IlDQukFLH+dDycS9SxTjUeONCnTHjfShpvI9cNN6k1PHPF02n" +
        "L1wmlY2/5Z7V43X1dPoS9/p0+tylux4ar7tWYmTTeC0vgLaAto4PdkVP0K6pE3xk4gQtk0CTQVMmzCK/8gnaeQJwcoK210zYSbsoZoLeRbETdBplMdowIXhU0wQ9" +
        "6gLgIqB5QiNtG6y2Dd57lyheTNv709tk0kLAPMBswEzAdMAUwCQAhI4waYxJYT70F5P+aNKLwfSYlk+Y9IiWj5r0oJa/MOk+LX9q0ggt734+mVZQP7IPpz4m9TWp" +
        "v0kDTBps0lCT7jTpHpNCTPqZSQ+Z9Csfetykp016Lphe1fLPJuEQjzIpXMs3TIKSsGA0UmgUYdGrfDqtJd0pA5AJyCJfqBv7nte59VIt2m2oc6ukurAOYbHKUMvX" +
        "KlU4T6mKGjgScO6SoRrflipmllIxbYbKOGqo4hmGSjwtVdpeqTKKpNrwHvqXSpW+1VBNmYZqXoI58wyVXY6EsFiqsq+FylqjVMl8pbI2G2rq24aqxtzoTxCo5wzV" +
        "sMxQa0ukatsmVU6loZKPSZXwvlR5dYZKh3xt7xrq2EJD5aVJVbJCqYYUpdIWKXWoDG25htqB9RbEGqrmFPbbB3mwdkKGVHHTpUq8KFQb9jk2GXJdkir3U6nqKqDv" +
        "Qqmi6oWqyJWqKEqp1jOG2tUkVXy1VLuSMTbKUHGwTzqSWzX6y5qgE/SryTBUK+xU8JlUWZ9gj5mQG7IkYN45yDVnsVJNX6MP+5Rgn11xkCdHqgVHDLUh31D52K/4" +
        "HaXOXYCeNWhbAFskQH6sUYY990K/5tNoz1AqZ72hTpYaKqFRqlLYLnkKdIaexR9IFZsnVf0mQ0WtlKp8g6HqYLeUI1KtPmSotNmGmgM/pixR6gTkadxhqJXn4euj" +
        "UlVscfsk8S2lWuDn5ElKrT1rqJb90HcFfAYZshJgJ/jsJOxz4Sxsl6xU7F5DrYbvKhArGz6BDU4YKvU4fFcO36xGPKQZKgk+T2qTagd0L4Uvqldjv4NSNSxHrCyC" +
        "zGwbrFWYqFRGOny3A33QI6veUFXQueww1ssxVOkFzIW/Y6DDiRlKTb0IOyBOUjHmAuwVmwRZzkDvGqmaU6S6OAP7wE8509C2Cr6YhBhbAr/A9pnVhqqFvQvToSvW" +
        "aYHdiw/Av9tg91ToEQ+9EafxkLHhjFDN+wyVOUuqlreVWlSMuNwFW8IPx97Bmti7do6hiqZiHuxZPRX+TVNqF+yQHY84h+8unjfUIZyByjWwN+J39ceYhzVWLsJa" +
        "GFMLG6QsgB0gxyL4dvkenJn3IRd8mIf1p8J3lXWQG/EfD8iFHgmIsUPwVzVkSMXcPJyvDNigvlSqZKyZ/YVQK3E550Le8nWIq48wHjGY2YIYhC2bcD52LEd8w/fN" +
        "sEVCFXyRirgAZDdAN5zpys+lam02VAnkSC9BPK6FXXcCYIvWQsQ2fL4ANlw0R3nXT1POvP2GdwPi6xDOyiLYMCcavsEZqwMsAMTB9vnYu7BOOpMPSGf5VuldiVgt" +
        "Wya7XJiCGATEABpRTKTC9uegRzRyROJypYqxTznOUipgF+Ila65SJ2fjOQEyxyiVPg3xA1+yP8sQE2vh45Owc/JJ+BTxWIC8UI14bt2JNuhzCDYphu02cMzBdqWI" +
        "raZp6JuCGAPEAVohfxOgFhDrgZWIo5WI57VfIUfgDKYAMnHuS+vRBh8dOwn/n8B5BiQclioVuTAJMV2YjzjcipjfBP9lS3UCsXAM5yYWtixHnB5DXqqvNdSUpaZa" +
        "fVJ6J2YhbpZC92VK1SDmj4HWwQbHECvNsEE2zsuuee5zw7bYMR1jYYcm5IMKQB7OcFaroU58Cv8DsuGrTM+ZajyF/Ik8cwE2KgefBTtlwk5zqmAj5IxmnLmmDwyV" +
        "izNxAX4/B2jBGchBrsvJg22zMQb5NxkxfQ65rxlnvQr5uj4OtseZP4EzVJ8CCpvmzIdtEZfxc2FTQA7nNUDtLOQ9xEg5ID8G+8CmlYjNmi+lWokYuYizVNOAtrOw" +
        "HXJ/LOLzIvJ4Hex5EmdgB6CpAPEBOAG4gHuiFZAGPg60HrZuhK0T30Ub55xl8BXuikQUpLuQy6oRW1WIxyRAG3JFGuDCJaGqcS98ke1UZwDTTzlV3dcK+Q72Bpw5" +
        "ZqrPY1zqywQvtfpToZIaRKKIqbD/3FX5gf2NAVEV9l/ZoyvsD9uHJ3xot98RD5RXYR9kz6+wD7AXVNj7MrqRUX9GNzOyOgYxGuwCGsrcMEZ3MrqL0T3cEcLoZ/z4" +
        "c+YeZu5XzP2GuccZPcnoaUa/tdfzUhcq7H3s1cyVY9r6NUT3mXT33a5+swztp3XA+c7Wp1vbXFJo1cV0Os7brQ+UEo65vK+2e3ezU7Bd9rSr3nb7tXbn9SeEXEl2" +
        "uRqwCJBMdvsCwCKKWu87dWWAmgOIAhRW2dWupQEqIy1AJQFilwSo5MUB6kRKgCp6O0BdBFTFB6rlu+wqKjlAXXgrAKksQG0A1O+1qw3oqwSfAEjCc9uiAFULWLQc" +
        "80D3AppxVZcuDFDZgLaZgap4AXjAiflYC5CCtrykAJULmAqomheA4+KGlYCixACVA1gJuDg3QNUAqj20FpCw2Y506K8OzQlQmYDVG+wqGXQOoG52gMqbBb1A6xOg" +
        "Z4L7OSkea8yEDHGwASAKEA2omgE5AGsBCYC6KQEqLhZzQZtjIDdgDnQqavVXMZMDVH5UgIoHJEZD3knQF3Dokr+qi7erUozZBVgLmAq4+LW/am7xV+em2VXDVLuq" +
        "b/ZXCYDmL/3Voq/8VdtFf9U4NVAdAhRegD6f+yOtY42vtCo/j3UACYDmRn+VdUGrGtBKQOEpf7UctC46UGV85q8SAY2fou+cv8o4q1XjJ26aCroSEAMoOOuGlVGB" +
        "Kh40t85fzQHknfGHDoEq7qhGaRGosmuxFyADEANoLhcq/TTmVmhVCEg/4qeqa/xVDSClDfZYoFULSqUGyHQMcO4S7AqaWu2P0gxrf+yv8j/yVyWtsCv6UsCn7tIq" +
        "7wT2PuavsgEbALmAE0dBAU1VkA20FTQN0HLEX10A7ABkAjIqIdthPB/CuhWw2yatLoK2fAi7gDZ+AB3KYeMNWuUexFzwmWhb+RXiuMxfxQFKD0B+0OzmANVYgn0B" +
        "bUu1Kt2Lcbuw/h7Y94sA1bIbPrgYoCoBbTgbLQDub0R72Ud+qqUcsYTnlp1oAzQXQXbQDfO0Wo35xTuwB9pStmOPQn9VP0ertaBxaE8vgO8uIIa24Tkf++chbnIx" +
        "PxZ23gz/N+Fs5uA5CnpsQlycx16gq7Oh00Y3lDcr+F2r1ou42tfDZp/hCloHWwIy8FyW6a+iAYnv+qso0A2gCwBtGbDBOaWWoy1rLWRcg/HnoOMqfxW7GrF7RqnV" +
        "7yDWVvir6tMo6QALlmN+OnQANAHaGnDuQbOXwheAyjT0ldpVBs5m0xGlohf7q9oKlM7J8BEgHZC9D1fjW4gBwMld2P99parmIxYALXWIEdBa0DpASSL8CWidi/mA" +
        "0jnw45kAlTobbRuwboK/Kl6P8gh0w3GcmZmgKOliAI24jqNrAhCXAXjV8FfJKPtSAeUogdIAJdP9LSgFtMRAHoxrnQbdQes/Rp7A9d0WDX9E87n3V1Uncc5nwrZt" +
        "fqoJJW4qIB78oVY/xEGAyvraT6UCFgAK8NpV/xXOBOBksx/iHGt+gev1Cz+1AdB8FHHRxCW+n4qvgs0b/VQc+HLQYpQZcz7DupXQ/1M/Vdngpyo+wZzDyDnHUBqh" +
        "9MsGn4Mzd7HWTzWiHCgCba3xU3WAwoMoGVBO5Z7yU2tRrqaAFi7U6tCHsFu1n2o7iTkVyGGgachNBSh1lwPqcY6rAInH/VQC4NhKP1X0AeK9yk/FHvVTtaD5uA92" +
        "gBYCMgEnkAuy8TpXA3qx0k81HPZTVYewPvgC0IYPsVaFn1qE5ww8rwXEA6pQojShxEtDqXexDD466KfqASsBhSipE8r8VNQa9KMvGdC6EmUISsF48EUl2BuQDFjE" +
        "dB/kAFTsQftePxVdjHXAp4Oe2+2nSkuRo3ZB751+ag74oiLsAchDaXNsB3wHWL4feQk0ZV6gykVpuRevVCn7YCPAsa2wQx7kzoUPsrEPyu6yjdgDcGE99MzCGiiD" +
        "VuO+TFkHGwEOZcIfO+wq8R0/VbIGMh7AawSX/suRO9OxH6BhD8ob0GOL4Ye33VCVgv4FsBWgBq+gRXMQL4XIT7MRc1l4JX0PcTkTOiL3p8f5qZN4hc9NRdm0Dfco" +
        "YMN0tC3Acz5ihz81ioHfABmAJJRWBVMQo3m406Khf5SfigHMmYS1NyN+W4Q61+Krki76qpTPfVXrRtyTgNLzvjhHQmWBX3RKqNiPhJp6XKgNDb6qbT3u1k988Xrp" +
        "i3sGcwGxgMJ6X5Sn4vjVS4judQjbAZegElOJKNrtkpTuIhIkrtsO+oWQIsdnlhdRPZ7GCzluxSRKnUQkFZh0ZsRSq2WM6IdJdwsvceeHmJ9E88kpZjiSnUPIvF8+" +
        "d9Mpk2SC67VlIKXmTSCizZQkjBEA0KF2Eo47APbrxEM3kej/GuCmfKI+RF/biS4COhPNchAZRJAnkbmeIov2uUjsde0HLnF9AFzumu1FIsFrJ/gi14dQqFQQNWC+" +
        "D5FJtMUxn0Sdc4+XKYq9oKMsdB1weT9EHwtr3etI2HZBk90iFw1fA1zdyGVNFoJ+QzTcoD6zpJhiH/4piT3iLbQ/+RSJFbQc3G8ey+sk1ve4fRKJTeL2G4V3HxLX" +
        "+g2gD+hVuR/2DRbyj9EUHC1ps1oXRNn3Ec3AFjFY2mCr01xFFK8s9so/wXgF9Ei3W0ZwTwD2Jzputx4+/gtRwevtXWfs7VydXZDbclslUQ5gD/qmvGp1lmCCw+IO" +
        "gKvCEo3oPA6+5uX2za+1cJ43kS+Rth6+9LLI1ZZRhQ99AldVYOIxwClAMbQ4DKgHf94tiaN9Lv6Wvob1IMALROvA7gX7W/5tm0di95+2lAOTKd2ig10GAdP+YrHp" +
        "WPAdR/vgfUYViQzvLU5En3OVuVQgIE67hKgBJuD3vUju8DrgGuMFctp1HckC9PThADjtet4HjWdcfbnxDPcVgjzrY03oxI2IkU6i0IWAEdwlqNZF7l+X/cCfnT6a" +
        "qMWJiSu8vCkWEWmzkbTZbE7qbohlk8j9JIR2M0qsRBt8vMflFHEuG8bfCRjhY5yeiG4Hn7Uu1JPodUl//k5sdCfaHwPbrWZ0o9U0A9y4742jH5wkKMzykb/l5e3w" +
        "2Ul7B4+5g40fvUTIfU/JPi/9iaR8aTqxE8URqiQh732FU0LXV2aicZMhRIEsB4cov6vdLvcSXeJQktYTVrtXEGt6n+Qx7m14pBQCZ9PnGh8Snb0FdTPIZtAAS8qf" +
        "Et1jMTiT4LcHdJCwPEDI+523IJYRq1dZA7vhXEQqWsRq3msN4pCxy9HIYItYXBeYJDBGJzDLwSCpgUvjPlrmYSRaUqzEt8zDyKUehpZ4GDvGJFstiz2MEy0LLGap" +
        "h1GLPQy95WaE9wre8sLEyyECphsbQdiuItntKhsZQPwY7G69hmTwNW7jdbH0gbfu+C/MNmXkKkvLdBKfxVwZmesMambT/UAYiU7sCl6Y85OBGNAklAMGRop3Iu5d" +
        "8KB3Z4Ak2ckXZ4n8uwAF+gEFBQB16wp0NYSl4O5APSEg9e6BpXzJm7GtE2PRhbHhx1gHMHZ0ZWxexdirO2Ofaxh35rn+0huBo/hCIWEiJXjh4PpwWycSvl1I+PuR" +
        "CMT2GrtJbVNAwg5kOIE0Qk87vIFMCKy9ILD2gcC6M2Y4JGa4Xh+FiWNGA439K1DEG0BvhgONjwT62zigSTQBeDJNBJ5CUezzaRTNZDpNZTKDYpjMpFgmsyiOyWz+" +
        "Ma2kufzjYUnzaA6T+ZTIZCElWZFDC5i8TYusWKNkKwgphclSSrXCltLgs4E/mgD+3j+ff+hqibTUNL5AuNlsf5InQfXlEJ5m0DNEfc8Tzd9I6wQdbqbHaFkpwiF/" +
        "J2Y+at06CPrbiJ6yxLrB4mfgIvqldYnfYjX1I/qLhQORjDBvK/E54etqhDV9iJUbbiX6k3XB4fEMcvpsjFpot9bobE1F10K0bUHb74g+I6vreqKbiF6zjtEHysqZ" +
        "QdZyZ8iah03OktXczXp+k6i3tRRKLprhJHrWkmy3yxq6Ao09raFoe8Rqmm9Y7kPC+qwT/wjd2nWM1eZr6fwnaxj6P8Xyl7S1v2nlts7WRpjPv0FeJ907uGX8gzXV" +
        "1xqziayH3dIiL1oCPk90xP2Mh1mY8zVZBv0E5nuXLKk/V+6a5WuHZTKUCX8k4ksg0Bp5n9ta2Gujat/M19Iu2BJuMVkEI9d0shyxxm6JfgtfGJYJZrn3+dRhTcHf" +
        "A0S/QLO0xk1D72dg74Z60rIXtNsM7jPI9JVbWrTsc++8GY0b3YUEVDtI1gYOS673ybo9vKxg2i8sNdDzqXs0/PultByOoTPdCrmrEYg8H9wS99MvrTjobPEOKzQd" +
        "lu1Ma6chlvzoHetWvz+1tRpD6FQBDsBxXpVv09+L4n3ifCG4xkL6vBCXTx/jd+I/+t1KCROtk3IQwDXsB54r7vIR+vC7pyob0Lf9AaE94EfP4GL6r51hVA0L3Euc" +
        "Eu03q9EehmCa0TRZWmy0bK8gjA4jjW+vp9vrD3epvucbndx/T7SP8u1Q+2qDtjXyoUXLVC4Q8cqQ1scKmxB49m10ZSFDIg2zNQ7c5K5v63v9XqZvEetCMkKQLjeG" +
        "ZDHZFLKByZaQHCZbQ3KZbAvJY7I9pIDJzpAdTHaHFDHZF1LMZH/IXiYHQkqYHAwpZfJBSFkIRFwXsp3O/RTMxpBtbmZTyFY3syVks5vZGrLJzWwL2ehmtoesczM7" +
        "Q95xM7tD1riZfSEr3Mz+kGVu5kDIUjdzMGSJm/kgZHH7rPcp9n6yY52tlEvrEcvRD8CC/JhBm9EnJK3LERk5grXKFUW5zGzPEQVWy+kjovoIM4dzRYXVNaNIxBQx" +
        "sylHbLDGTCsS0VbL2c2idjMz6/eJzH3MvJcs85P5H0BMK5TRhcwsXCeT1jEz6W3ZanUd3GmU7jTAfFol6qt41lfz5cX53DVliYxawsz2ZFlgDX7nlFx9ipk9pWJX" +
        "KQ9eWixTi7nlfJZxLovXOXtK1lpjFu4RSXt4zBdbRNMWZlaVieVlzHz9iWj+xOo6IpuO8OD1eSIzj1u2rTfy1vM6h/eJCkuLGTUypsYSNU+UWmOmxBhRMTxmfoyR" +
        "CIb28eE8grQ7H9lk9lNO2fqJdFyDt+j/RHXkQpmi+V3422NpfkiHlzzx7ePz7YMj+mwHyadtwHl8z4kc+JZENid5sYE2AmfSOuC19A7waloDvJzvHZGOWoFEGl8W" +
        "IpWvJ5HCeUFx7zvUIJA0jVxkyyJOn6KM/3URLTt/xXmL70W0HndZube78k5GWt3th6T9K6KdsEEDcuACnNWD2Jeq+Waceaf7HiyEJmcfxKvGPP53V5GYjost5mGi" +
        "MrxZ024+vYU47TGjcAlV4aGVb6SZmPgZXk63QBmqTYcQs5Eu5r2Ck/5G+8HfhNK/BqnwHHo3Q7zf43oYSbQjledfBKqpAZrdFTpViyu84uRPI77fK9/yoB2FpXgX" +
        "gSnWJst3mK5OlmuYrkyWq5guT5YrmKYny2VM05LlUqapyXIJ05RkuZgDOwNonYexvethhLVk21vybrxtdAvA3qiN/VDf0tZCag+GjiHx43/62+OvSLwd/8S33/m+" +
        "d8o3LUKl0jN/fp9eIeOhudT/FVJiKd0+rjNquY3Ui1Q8PfJoDPUnGbiYXiJ5u4ardRL19nuLXnmOjOBVZEWfTEfRi1r6mmU0lOSfvXE/GhPGP2SSMWwKqWvJSKM+" +
        "q3BfGwnUZyOuHuP3fa/tQ8YNff/wIhkpFGZeSzqF+i6jJx/aaUUxXqv0xEk0rv8SvOnolydR1yGvPEBq3CQynsSqg9ztv2cy4AnSMRTxQkjgXOw6bnzwcySHzreq" +
        "dFfYT8i4eS79BAW8MaRXYASpV8e/NHYoqV//0ddS66dhL/Gwx8nogp15TrenR5Ds/RwfrPufIPFrB0wRYOJ19vF7SQfCVFHEw33AjSIV+OpOgk/1oFGdbwl+AIKN" +
        "6hdBctCoW0nePRpr6P6vzKaHTJgq4qX1sLLuFv5Y1x4ouWT/G/xJ3f7rnm/2InndOEwdMu5FH5Je1z8Mu4xbD2uqu8fhAsAbtvG3CTspktQdUeS/mLD59dE4+PeT" +
        "uH4gqQFRuBkeh85T6D4s1eM+vGzd+NfA8XDGX1GOyatuD8JbY7dwUs/3C/9dEBl9XxiPY9I3kHRA4O0QH5P8Xu1Daja92uf5J8jow5Y2vAfCv3I+DUS3M4Z9bHR5" +
        "2HyAg4YMqIkSTPXq/XA420l0JR3k8/jNAzbyizT8IzK309ztiP+E7XI20/jtchbTuO1yJtPY7XIG05jtcjrTqdvlNKbR2+UUplHb5WSmbYVyEqjEOtaCzNhmexgx" +
        "y8MYMz2MnuFhHNM9jDnNw3hN8TA+kz1MZ2tlSCbnehia7WFsszyMmOlhDGvltEI5oDdSC9LLPTcgVFAtCjWIxG1XwQi+JLv44lXyD75/JXFTEImtX4otuCK2dC6E" +
        "2Tb5fvkgUkzAkW44DL7Z19bds3sVTJdcLZ8j8czTJL7wvoBX3KeeJPHYb/CK28V6xeXXX3mfDMSJ7QQsHOh69FckPvGu92a82tv9dsxvynf9AS6/H+hpJ9DLAuih" +
        "rn8gMcU71Zs/ccHrfme+b9wXFz8v9k7xtl7chJ8/EpTBL3BQ4EX/N0iMBfO6ATTWhnP9O3/oNAZMmAE05sA02oFi3nC5GZwuMaI3Sf/bgfpqoMG+QL17aVJX99If" +
        "u0dramd5/HikYiciZa73HMjgQkSqwSQGDiCxz3svWm65mUS/G0l08YV5B7mf93gXo+em/iRu6OuW+YavMTHHe7M3Mov3y3+bgJbnSXR3p3zjJ8tiqHwaCij5s6d4" +
        "z9dCYFBYpBdWGQRb3Ir97+exuBpGYJ9O7mtCSt0JA+HBgAAkPrtGWW/A5UM7kfFoNGEX+VMb3zCYhlcmcRfce1cgya6XplEpFJVProqxGBF+BqWQqJkvTzOtni9P" +
        "MT05X37M9MR8+RHTY/PlcaZV8+VRppXz5RGmh+bLw1xK1QKd9TC2Mx5GnPYwxikPoz/2MI6PPIx53MN4HfUwPkc8TGdrZUgmz3oYOuNhbKc9jDjlYYyPPYz+yMM4" +
        "jnsY86iH8TriYXyslaGrOuthpLVyS5J0Babg3t6Kd0ejHLXFTIU8OGcRXjWfqda0agGYJVxrpIPZn67SUmGCtYr9w9e2F/I0GKlscLmPFcfeYpK/Yd2sIhjn5Xp4" +
        "TXo7rZf3Pu134eUPPgKta6818HqxJxDvomvcn1X6d/jYV3fgjQ58xw+LzR9of+IH5oZ04OkH9hIdeK8OI40Ou/S0sLeFB35nvPvP0YGXHXjfK3cRt0XBepNFFNe9" +
        "HaVSHfgb3B85tmDm19SCTLe+48jbrpRT8Hco1ucMl2V2y+PTYVa8JYQU/k+TfMCNJqMkTxLtpCtJw434fzjQTO3kFMjFy+QMSMtl8iVInLiCBPAuHkTTOuguo4X/" +
        "r0iO8H+Y5HB/1GSme5gfiZCOtf1wEsPuI/GTnyLVd6wch5C4/W6c93sBHIS3kRg8gsSdaLuTn28lYX3SPZDEze0V6C0o8pFyfJCovVB1otgRPRCrnXuSuMbPnet9" +
        "+TkYqYufryZxVTcSXXGrdOMs1J3E1Uj+dqTDfkh8N1yHWGdZkMI6cdridpav/dPaoSTuQLq8BYnyJu5rr37b31mQZAe293Nfe+WMNHtrex/7vr1SHuxOwVYf6+Ox" +
        "hbqdxBDW0WMf/tZjxDASw3l/1tNTfQ/mT8on/I3Ew4+QTL3qcBCqqZNBR4IcTI4GaSbHgwwmHwUJJh8HoWp+yP9+krf643V8oNtP3Uk6vnEWFO+CG8CPHcUOaHeW" +
        "xwid2FF3IGm3O6v942x2GPd5nNal3YgdjXelwToaiZWEUqLdGe2vGB6j0CMkHmo3FhuBX0fcY6StQ+Q9RPIOt1rw8l1XRh4EG3Zl1KF9KIQf9H1R9kMRxm0/EGWB" +
        "/4kIU57Ikt8TTXRlFPG4KyJIXBk5GGdrj5r/gKGujBj+KP8bq7RbooP2g+HSvtCuzw14P0f11et6SN0ukXCXNbyL9qzmfTXCq1cwgqtXTzQP5qmY0gtG6YHpPWCM" +
        "a8DfzF9bw4j9+5G4EfwwjhxseacnuoZ6oulGbNsXY/pijevA9283MhuexVHur8Qvf3Px37yfvqLfMhPm9rj62wHi1WGcryfd3In69GcP+smfGLfyix5/S+ZGA/Ho" +
        "uAVoyCA8DhmAO3jIzeDgVUmMbANxoocNxHnuj8wvfbxxiL28h+PxWvR6uRHm+lyLQ9CHUY9OQJ0t1BOol/fAdtQJb1/9e2N5LzfiXkbXdLkD70mdIMY1jLpfjUX9" +
        "3cjGj5Cg11UQvGuQ7TKCQNcEggsIRG+PQDx2ug5z7YyUxtx+/D0Z3TyQEcR13Yw9nAPQNtBC8JAkC+G0yVsYoUBFUhqAGbYBmOHEaZQDB2FfG86hvPXmW6S0DUK0" +
        "3YqjIIdIvuwGDWSEldVgjBNuhLkKKUXacUtK4cQ4k9EwL4y7xxjBCEPucvCjYwi4IRh8zxAMHoaqVd4p7mCOLe5Eb99ObGy2eN8urMcALOBC/pW2YXi03YlHG4pt" +
        "6bQBddK876DhzLFarH5XzsneBncMZo3YEK4BkFQabKEBlsz84ZnAtGE0gjUH6uLAjBBzOM9li7MDerBD+zjv4KVG3ChvDH4b81KFAWJUiOHIk8Y9d9zui5fcAQP7" +
        "k+EVHMDvpEY/OxkBgV6KDHFjb8zoEWySb99gsyxoVhAmlQStD0JvSdCBIO52DBq4K2hh0MBhw7Fc/02iWAz3p0wu6wrcn2kneOhg60P/d91PsqyAbLau/MZD+yZa" +
        "5Uvt36y6YKT75wnuD2be3eae67Swt4VV+0ctns9NJNVus0aLyD04Q8WuKzDtvVwpvuyRajl/c9DN2hV9dxKdhgiHJn7fztUF1P6BuvvTmmAL4+FuolFW4xAl7vmQ" +
        "UzfSdkXQ4SAhDuFKFaISNyoSPM50FS5VZBtknGO4V5EDkHdO4GpF1kBmOBl0Clyfa/nDNeH1lPuHME8+Q+JpQNcgNzz9LInfAgL83a9bHqCnv1O3ih9o+Xv5H8K2" +
        "fxrv809b/zvyS9ewp5CS3OgZxLgbPYvUBSR68U04TFFc0D/0y9r/SX+zlrkPyJdXtf+6qCvR59L6OUTaFR+rjmlnfmZ907nhX+FTV4dbDjw0jSfy5Kh/1neExne/" +
        "I5TfGfQjLQYtD/H8RkUsEPx1d57TSl/TJ6F1PUxe7d1h4lt4d39i7ipJifPpX/i3C6P/2bKJ73H9v4Rg/xWjuZWSpKUV7bJDzP+wvj4dx3zvsP+ErUb/i8dSRxXk" +
        "langx9QU/OOCf6IwV2yKR4Mc/z1i/H979v8t279l+39ENv6x1ExDWj/1+nvndrE+Tv9u+9ZIorWR/zgZz0cQLYpsr8OCrFcy/PfcvyX+t8T/AyS+wyoZKn3+dzL+" +
        "X+iNuomOdm3/sZ/mD5ypvyW2v/X7yo51/3XWt1CdrVexbkS9LDX92l+S3P/ix/0+9Cf370sHEb0k+JfS5BA0RNJgQcN/ZEnB/9rBsx6KFUEOO3VXXLgMF+Syqhwe" +
        "L8juHiy5kYcJmoRBSfStvS5r0F4e/dhelwUX9EdBTXTZIO0/z/7GJoJcf69BNH9L+T3m/T9YqsgQiUH8ofqP/2JeBHUl0e0qLe3WZ7e3DQIaMhjojtuBhg8FGjEM" +
        "6O47ge69C+i+e4B++hOgB/h3kQ/eD/SLnwH98udAjzwE9OjDQP/xK6DHfg30xG+Annoc6JkngZ59Guj53wL97jmgF18A+sPvSX5YQFEFNIVfgdMZ8QfjgsT1MMag" +
        "f+Q9J/pc7f4RgeJviW2e749F3+6WTfy7XCdsXmHi4/f438EcsL7N9KF3dvIng4iEJEgVN5M/7jodTvR2P6K5O9DVtB0oFk9fIudMvoko4RaiBQ8TXbqNqHUo0c5H" +
        "iZY/QrSHf+NW1JNo3vNEjfvx0OBLtOlVjIKSkyTR6set72cnx0LYXcUY0Hg3rmV4e9UIooOr0ZDLaxx9FkkEw6sX8U+o/4x1rrEyyIdIIVFx/EqO4/Pup6Rk4xS5" +
        "7ihl8P8cn86G1/K/avgssoH/XcPZDKrN4OY9k8Uu/r6VLu2mlt3WP21IFtHJ3DI3jhKsf8kwrYKiKxCcU/gTydJb/hc=";

    private static readonly Dictionary<int, byte> Classes = [];
    private static readonly Dictionary<int, int[]> CanonicalSteps = [];
    private static readonly Dictionary<int, int[]> CompatibleParts = [];
    private static readonly Dictionary<long, int> Compositions = [];

    static NormalizationData()
    {
        using var packed = new MemoryStream(Convert.FromBase64String(Packed));
        using var unpacked = new DeflateStream(packed, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        unpacked.CopyTo(bytes);
        bytes.Position = 0;
        ReadClasses(bytes);
        ReadCanonical(bytes);
        ReadCompatible(bytes);
    }

    /// <summary>The canonical combining class.</summary>
    public static byte Class(int codePoint) => Classes.GetValueOrDefault(codePoint);

    /// <summary>One step of canonical decomposition, or null.</summary>
    public static int[]? Canonical(int codePoint) => CanonicalSteps.GetValueOrDefault(codePoint);

    /// <summary>The full compatibility decomposition where it differs from the canonical one, or null.</summary>
    public static int[]? Compatible(int codePoint) => CompatibleParts.GetValueOrDefault(codePoint);

    /// <summary>The primary composite of two code points, or null.</summary>
    public static int? Composite(int first, int second) =>
        Compositions.TryGetValue((long)first << 32 | (uint)second, out var whole) ? whole : null;

    private static void ReadClasses(MemoryStream bytes)
    {
        var at = 0;
        for (var count = Number(bytes); count > 0; count--)
        {
            at += Number(bytes);
            var length = Number(bytes);
            var value = (byte)Number(bytes);
            for (var end = at + length; at < end; at++) Classes[at] = value;
        }
    }

    private static void ReadCanonical(MemoryStream bytes)
    {
        var whole = 0;
        for (var count = Number(bytes); count > 0; count--)
        {
            var head = Number(bytes);
            whole += head >> 2;
            var last = whole;
            var parts = new int[(head >> 1 & 1) + 1];
            for (var i = 0; i < parts.Length; i++) parts[i] = last += Difference(bytes);
            CanonicalSteps[whole] = parts;
            if ((head & 1) == 0) Compositions[(long)parts[0] << 32 | (uint)parts[1]] = whole;
        }
    }

    private static void ReadCompatible(MemoryStream bytes)
    {
        var (whole, last) = (0, 0);
        for (var count = Number(bytes); count > 0; count--)
        {
            whole += Number(bytes);
            var parts = new int[Number(bytes)];
            for (var i = 0; i < parts.Length; i++) parts[i] = last += Difference(bytes);
            CompatibleParts[whole] = parts;
        }
    }

    private static int Number(MemoryStream bytes)
    {
        var number = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = bytes.ReadByte();
            number |= (part & 0x7F) << shift;
            if (part < 0x80) return number;
        }
    }

    private static int Difference(MemoryStream bytes)
    {
        var folded = Number(bytes);
        return (folded & 1) == 0 ? folded >> 1 : -(folded >> 1) - 1;
    }
}
