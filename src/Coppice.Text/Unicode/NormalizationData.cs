namespace Coppice.Text.Unicode;

/// <summary>
/// Combining classes, decompositions and compositions of Unicode 9, the version that Hugging Face tokenizers normalize with. The runtime's
/// own tables are absent when globalization is invariant. Hangul syllables are left to arithmetic. How the table is packed is said where it
/// is written: eng/Coppice.Unicode.
/// </summary>
internal static partial class NormalizationData
{
    private static readonly Dictionary<int, byte> Classes = [];
    private static readonly Dictionary<int, int[]> CanonicalSteps = [];
    private static readonly Dictionary<int, int[]> CompatibleParts = [];
    private static readonly Dictionary<long, int> Compositions = [];
    private static readonly HashSet<int> Seconds = [];

    static NormalizationData()
    {
        using var bytes = new MemoryStream(Convert.FromBase64String(Packed));
        ReadClasses(bytes);
        ReadCanonical(bytes);
        ReadCompatible(bytes);
    }

    /// <summary>All code points that have a class or a decomposition, or are the second part of a composition.</summary>
    public static IEnumerable<int> Letters =>
        Classes.Keys.Concat(CanonicalSteps.Keys).Concat(CompatibleParts.Keys).Concat(Seconds).Distinct();

    /// <summary>Whether the code point may join one before it.</summary>
    public static bool IsSecond(int codePoint) => Seconds.Contains(codePoint);

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
            if ((head & 1) != 0) continue;
            Compositions[(long)parts[0] << 32 | (uint)parts[1]] = whole;
            Seconds.Add(parts[1]);
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
