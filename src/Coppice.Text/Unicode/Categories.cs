using System.Globalization;

namespace Coppice.Text.Unicode;

/// <summary>General categories as bit masks: bit n stands for the n-th <see cref="UnicodeCategory"/>.</summary>
internal static class Categories
{
    public const uint Letter = 1u << (int)UnicodeCategory.UppercaseLetter | 1u << (int)UnicodeCategory.LowercaseLetter
        | 1u << (int)UnicodeCategory.TitlecaseLetter | 1u << (int)UnicodeCategory.ModifierLetter | 1u << (int)UnicodeCategory.OtherLetter;

    public const uint Mark = 1u << (int)UnicodeCategory.NonSpacingMark | 1u << (int)UnicodeCategory.SpacingCombiningMark
        | 1u << (int)UnicodeCategory.EnclosingMark;

    public const uint Number = 1u << (int)UnicodeCategory.DecimalDigitNumber | 1u << (int)UnicodeCategory.LetterNumber
        | 1u << (int)UnicodeCategory.OtherNumber;

    public const uint Punctuation = 1u << (int)UnicodeCategory.ConnectorPunctuation | 1u << (int)UnicodeCategory.DashPunctuation
        | 1u << (int)UnicodeCategory.OpenPunctuation | 1u << (int)UnicodeCategory.ClosePunctuation
        | 1u << (int)UnicodeCategory.InitialQuotePunctuation | 1u << (int)UnicodeCategory.FinalQuotePunctuation
        | 1u << (int)UnicodeCategory.OtherPunctuation;

    public const uint Symbol = 1u << (int)UnicodeCategory.MathSymbol | 1u << (int)UnicodeCategory.CurrencySymbol
        | 1u << (int)UnicodeCategory.ModifierSymbol | 1u << (int)UnicodeCategory.OtherSymbol;

    public const uint Separator = 1u << (int)UnicodeCategory.SpaceSeparator | 1u << (int)UnicodeCategory.LineSeparator
        | 1u << (int)UnicodeCategory.ParagraphSeparator;

    public const uint Other = 1u << (int)UnicodeCategory.Control | 1u << (int)UnicodeCategory.Format
        | 1u << (int)UnicodeCategory.Surrogate | 1u << (int)UnicodeCategory.PrivateUse | 1u << (int)UnicodeCategory.OtherNotAssigned;

    public const uint Word = Letter | Mark | 1u << (int)UnicodeCategory.DecimalDigitNumber | 1u << (int)UnicodeCategory.LetterNumber
        | 1u << (int)UnicodeCategory.ConnectorPunctuation;

    /// <summary>
    /// The mask of a category named as in \p{..}: one letter, two letters or the long name in lower case without blanks; 0 if unknown.
    /// </summary>
    public static uint Named(string name) => name switch
    {
        "l" or "letter" => Letter,
        "m" or "mark" or "combiningmark" => Mark,
        "n" or "number" => Number,
        "p" or "punct" or "punctuation" => Punctuation,
        "s" or "symbol" => Symbol,
        "z" or "separator" => Separator,
        "c" or "other" => Other,
        "lc" or "casedletter" =>
            Bit(UnicodeCategory.UppercaseLetter) | Bit(UnicodeCategory.LowercaseLetter) | Bit(UnicodeCategory.TitlecaseLetter),
        "lu" or "uppercaseletter" => Bit(UnicodeCategory.UppercaseLetter),
        "ll" or "lowercaseletter" => Bit(UnicodeCategory.LowercaseLetter),
        "lt" or "titlecaseletter" => Bit(UnicodeCategory.TitlecaseLetter),
        "lm" or "modifierletter" => Bit(UnicodeCategory.ModifierLetter),
        "lo" or "otherletter" => Bit(UnicodeCategory.OtherLetter),
        "mn" or "nonspacingmark" => Bit(UnicodeCategory.NonSpacingMark),
        "mc" or "spacingmark" => Bit(UnicodeCategory.SpacingCombiningMark),
        "me" or "enclosingmark" => Bit(UnicodeCategory.EnclosingMark),
        "nd" or "decimalnumber" => Bit(UnicodeCategory.DecimalDigitNumber),
        "nl" or "letternumber" => Bit(UnicodeCategory.LetterNumber),
        "no" or "othernumber" => Bit(UnicodeCategory.OtherNumber),
        "pc" or "connectorpunctuation" => Bit(UnicodeCategory.ConnectorPunctuation),
        "pd" or "dashpunctuation" => Bit(UnicodeCategory.DashPunctuation),
        "ps" or "openpunctuation" => Bit(UnicodeCategory.OpenPunctuation),
        "pe" or "closepunctuation" => Bit(UnicodeCategory.ClosePunctuation),
        "pi" or "initialpunctuation" => Bit(UnicodeCategory.InitialQuotePunctuation),
        "pf" or "finalpunctuation" => Bit(UnicodeCategory.FinalQuotePunctuation),
        "po" or "otherpunctuation" => Bit(UnicodeCategory.OtherPunctuation),
        "sm" or "mathsymbol" => Bit(UnicodeCategory.MathSymbol),
        "sc" or "currencysymbol" => Bit(UnicodeCategory.CurrencySymbol),
        "sk" or "modifiersymbol" => Bit(UnicodeCategory.ModifierSymbol),
        "so" or "othersymbol" => Bit(UnicodeCategory.OtherSymbol),
        "zs" or "spaceseparator" => Bit(UnicodeCategory.SpaceSeparator),
        "zl" or "lineseparator" => Bit(UnicodeCategory.LineSeparator),
        "zp" or "paragraphseparator" => Bit(UnicodeCategory.ParagraphSeparator),
        "cc" or "control" or "cntrl" => Bit(UnicodeCategory.Control),
        "cf" or "format" => Bit(UnicodeCategory.Format),
        "cs" or "surrogate" => Bit(UnicodeCategory.Surrogate),
        "co" or "privateuse" => Bit(UnicodeCategory.PrivateUse),
        "cn" or "unassigned" => Bit(UnicodeCategory.OtherNotAssigned),
        _ => 0,
    };

    private static uint Bit(UnicodeCategory category) => 1u << (int)category;
}
