using Coppice.Text;

namespace Coppice.Decoding;

/// <summary>Stop strings that are exactly one special token: their text need not appear, as special tokens have none.</summary>
internal static class SpecialStops
{
    /// <summary>The stop strings by the id of the special token that they are.</summary>
    public static Dictionary<int, string> Find(IReadOnlyList<string> stops, Tokenizer? tokenizer)
    {
        var found = new Dictionary<int, string>();
        foreach (var stop in stops)
        {
            if (tokenizer?.IdOf(stop) is { } id && tokenizer.IsSpecial(id)) found[id] = stop;
        }
        return found;
    }
}
