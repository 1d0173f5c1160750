using System.Globalization;
using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.Templates;

/// <summary>C's strftime with English names, for a time without a zone, and with glibc's flags (%-d, %_d, %0e, %^a).</summary>
internal static class StrftimeFormat
{
    /// <summary>The time in the given format.</summary>
    public static string Apply(DateTime time, string format, Budget budget)
    {
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }
            var start = i++;
            var flags = Span(format, ref i, "-_0^#");
            var width = Span(format, ref i, "0123456789");
            Span(format, ref i, "EO");
            var part = i < format.Length ? Part(time, format[i]) : null;
            if (part is null)
            {
                i = Math.Min(i, format.Length - 1);
                text.Append(format, start, i - start + 1);
                continue;
            }
            var columns = int.TryParse(width, CultureInfo.InvariantCulture, out var given) ? Math.Min(given, 999) : 0;
            text.Append(WithFlags(part, flags, columns));
            budget.SpendOnText(part.Length + 16);
            budget.CheckText(text.Length);
        }
        return text.ToString();
    }

    private static string Span(string format, ref int i, string characters)
    {
        var start = i;
        while (i < format.Length && characters.Contains(format[i])) i++;
        return format[start..i];
    }

    private static string WithFlags(string part, string flags, int width)
    {
        if (flags.Contains('^')) part = AsciiCase.ToUpper(part);
        if (flags.Contains('#')) part = part.Any(char.IsAsciiLetterLower) ? AsciiCase.ToUpper(part) : AsciiCase.ToLower(part);
        var isNumber = part.TrimStart(' ').All(char.IsAsciiDigit) && part.Length > 0;
        if (isNumber && flags.Contains('-')) part = part.TrimStart(' ', '0') is { Length: > 0 } digits ? digits : "0";
        else if (isNumber && flags.Contains('_'))
            part = (part.TrimStart(' ', '0') is { Length: > 0 } digits ? digits : "0").PadLeft(part.Length);
        else if (isNumber && flags.Contains('0')) part = part.Replace(' ', '0');
        return part.PadLeft(width, isNumber && !flags.Contains('_') ? '0' : ' ');
    }

    private static string? Part(DateTime time, char code)
    {
        string With(string format) => time.ToString(format, CultureInfo.InvariantCulture);
        var hour12 = (time.Hour + 11) % 12 + 1;
        var dayOfWeek = (int)time.DayOfWeek;
        return code switch
        {
            'a' => With("ddd"),
            'A' => With("dddd"),
            'b' or 'h' => With("MMM"),
            'B' => With("MMMM"),
            'c' => $"{With("ddd MMM")} {time.Day,2} {With("HH:mm:ss yyyy")}",
            'C' => $"{time.Year / 100:00}",
            'd' => With("dd"),
            'D' or 'x' => With("MM'/'dd'/'yy"),
            'e' => $"{time.Day,2}",
            'f' => With("ffffff"),
            'F' => With("yyyy-MM-dd"),
            'g' => $"{ISOWeek.GetYear(time) % 100:00}",
            'G' => $"{ISOWeek.GetYear(time)}",
            'H' => With("HH"),
            'I' => $"{hour12:00}",
            'j' => $"{time.DayOfYear:000}",
            'k' => $"{time.Hour,2}",
            'l' => $"{hour12,2}",
            'm' => With("MM"),
            'M' => With("mm"),
            'n' => "\n",
            'p' => time.Hour < 12 ? "AM" : "PM",
            'P' => time.Hour < 12 ? "am" : "pm",
            'r' => $"{hour12:00}:{With("mm:ss")} {(time.Hour < 12 ? "AM" : "PM")}",
            'R' => With("HH:mm"),
            's' => ((long)(time - DateTime.UnixEpoch).TotalSeconds).ToString(CultureInfo.InvariantCulture),
            'S' => With("ss"),
            't' => "\t",
            'T' or 'X' => With("HH:mm:ss"),
            'u' => $"{(dayOfWeek == 0 ? 7 : dayOfWeek)}",
            'U' => $"{(time.DayOfYear + 6 - dayOfWeek) / 7:00}",
            'V' => $"{ISOWeek.GetWeekOfYear(time):00}",
            'w' => $"{dayOfWeek}",
            'W' => $"{(time.DayOfYear + 6 - (dayOfWeek + 6) % 7) / 7:00}",
            'y' => $"{time.Year % 100:00}",
            'Y' => $"{time.Year}",
            'z' or 'Z' => "",
            '%' => "%",
            _ => null,
        };
    }
}
