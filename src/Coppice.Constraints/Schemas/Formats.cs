using System.Collections.Frozen;
using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>The formats that are known, each as a pattern for the whole text. Sources: RFC 3339, 3986, 5321, 1123, 4291, 4122, 6901, 6570.</summary>
internal static class Formats
{
    private const string Minutes = "[0-5][0-9]", Parts = @"(\.[0-9]+)?";

    private const string Hours = "([01][0-9]|2[0-3])";

    private static readonly string Time = $"({Hours}:{Minutes}:{Minutes}{Parts}([Zz]|[+-]{Hours}:{Minutes})|{LeapSecond()})";

    private const string Leap = @"([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29";

    private const string Date = @"([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|" + Leap + ")";

    private const string Label = @"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";

    private const string Byte = @"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

    private const string Ipv4 = Byte + @"(\." + Byte + "){3}";

    private const string Group = "[0-9A-Fa-f]{1,4}";

    private const string LastTwo = "(" + Group + ":" + Group + "|" + Ipv4 + ")";

    private const string Ipv6 = "((" + Group + ":){6}" + LastTwo
        + "|::(" + Group + ":){5}" + LastTwo
        + "|(" + Group + ")?::(" + Group + ":){4}" + LastTwo
        + "|((" + Group + ":){0,1}" + Group + ")?::(" + Group + ":){3}" + LastTwo
        + "|((" + Group + ":){0,2}" + Group + ")?::(" + Group + ":){2}" + LastTwo
        + "|((" + Group + ":){0,3}" + Group + ")?::" + Group + ":" + LastTwo
        + "|((" + Group + ":){0,4}" + Group + ")?::" + LastTwo
        + "|((" + Group + ":){0,5}" + Group + ")?::" + Group
        + "|((" + Group + ":){0,6}" + Group + ")?::)";

    private const string Encoded = "%[0-9A-Fa-f]{2}";
    private const string Unreserved = @"[A-Za-z0-9._~-]";
    private const string Delimiters = @"[!$&'()*+,;=]";
    private const string PathChar = "(" + Unreserved + "|" + Encoded + "|" + Delimiters + "|[:@])";
    private const string Authority = "((" + Unreserved + "|" + Encoded + "|" + Delimiters + "|:)*@)?"
        + @"(\[(" + Ipv6 + @"|v[0-9A-Fa-f]+\.(" + Unreserved + "|" + Delimiters + "|:)+)\\]|(" + Unreserved + "|" + Encoded + "|" + Delimiters + ")*)(:[0-9]*)?";

    private const string Hier = "(//" + Authority + "(/" + PathChar + "*)*|/(" + PathChar + "+(/" + PathChar + "*)*)?|" + PathChar + "+(/" + PathChar + "*)*|)";
    private const string Tail = @"(\?(" + PathChar + "|[/?])*)?(#(" + PathChar + "|[/?])*)?";
    private const string Scheme = "[A-Za-z][A-Za-z0-9+.-]*";
    private const string Relative = "(//" + Authority + "(/" + PathChar + "*)*|/(" + PathChar + "+(/" + PathChar + "*)*)?|("
        + Unreserved + "|" + Encoded + "|" + Delimiters + "|@)+(/" + PathChar + "*)*|)" + Tail;

    private const string Atom = @"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    private const string QuotedAtom = @"""([ !#-\[\]-~]|\\[ -~])*""";
    private const string Email = "(" + Atom + @"(\." + Atom + ")*|" + QuotedAtom + ")@(" + Label + @"(\." + Label + @")*|\[(" + Ipv4 + "|IPv6:" + Ipv6 + ")\\])";
    private const string Duration = @"P(([0-9]+W)|(([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)(T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))?)"
        + @"|T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))";

    private static readonly FrozenDictionary<string, string> Patterns = new Dictionary<string, string>
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = Date + "[Tt]" + Time,
        ["duration"] = Duration,
        ["email"] = Email,
        ["idn-email"] = @"[^@\s]+@[^@\s]+",
        ["hostname"] = Label + @"(\." + Label + ")*",
        ["ipv4"] = Ipv4,
        ["ipv6"] = Ipv6,
        ["uuid"] = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
        ["uri"] = Scheme + ":" + Hier + Tail,
        ["uri-reference"] = "(" + Scheme + ":" + Hier + Tail + "|" + Relative + ")",
        ["iri"] = Scheme + @":[^\s<>""{}|\\^`]*",
        ["iri-reference"] = @"[^\s<>""{}|\\^`]*",
        ["uri-template"] = @"([^\x00-\x20""'%<>\\^`{|}]|%[0-9A-Fa-f]{2}|\{[+#./;?&=,!@|]?[A-Za-z0-9_.%,:*]+\})*",
        ["json-pointer"] = "(/([^/~]|~[01])*)*",
        ["relative-json-pointer"] = "(0|[1-9][0-9]*)(#|(/([^/~]|~[01])*)*)",
    }.ToFrozenDictionary();

    /// <summary>
    /// The times that are 23:59:60 in UTC: a leap second comes at no other. Hours and minutes say so each for themselves, but for the hour
    /// that begins where a zone east of Greenwich is a minute short of one.
    /// </summary>
    private static string LeapSecond()
    {
        const string any = "[0-9]{2}";
        string Of(int count, Func<int, string> text) => string.Join('|', Enumerable.Range(0, count).Select(text));
        var west = $"(?={Of(24, hour => $"{hour:d2}:{any}:60{Parts}-{23 - hour:d2}:")})"
            + $"({Of(60, minute => $"{any}:{minute:d2}:60{Parts}-{any}:{59 - minute:d2}")})";
        var east = $"(?={Of(24, hour => $"{hour:d2}:{any}:60{Parts}\\+{hour:d2}:")})"
            + $"({Of(59, minute => $"{any}:{minute:d2}:60{Parts}\\+{any}:{minute + 1:d2}")})";
        var next = Of(24, hour => $"{hour:d2}:59:60{Parts}\\+{(hour + 1) % 24:d2}:00");
        return $"23:59:60{Parts}[Zz]|{west}|{east}|{next}";
    }

    /// <summary>The texts of a format; null where it is not known.</summary>
    public static TextLanguage? Find(string name, TextAutomata automata)
    {
        if (name == "regex") return RegexFormat.Of(automata);
        if (!Patterns.TryGetValue(name, out var pattern)) return null;
        return automata.Search($"^(?:{pattern})$");
    }
}
