namespace Coppice.Constraints.Masks;

/// <summary>
/// Refuses a vocabulary with which no text of a grammar can be written, because no token has a byte that every text needs. Where finding
/// that out would take long, the vocabulary is taken to do.
/// </summary>
internal static class NeededBytes
{
    private const int MostNamed = 8;

    /// <summary>Looks for a text that the vocabulary can write.</summary>
    /// <exception cref="ConstraintException">There is none.</exception>
    public static void Check(ByteAutomaton automaton, TokenVocabulary vocabulary)
    {
        var missing = vocabulary.MissingBytes;
        // The shortest text is known anyhow, and most often it can be written.
        if (missing.Length == 0 || automaton.Ending(automaton.Start) is not { } text || text.AsSpan().IndexOfAny(missing) < 0) return;
        if (automaton.CanDoWithout(missing, vocabulary) != false) return;
        // What every text needs is in this one too.
        byte[] suspects = [.. text.Where(value => missing.Contains(value)).Distinct().Order()];
        byte[] needed = [.. suspects.Where(value => automaton.CanDoWithout([value], vocabulary) == false)];
        var names = string.Join(", ", (needed.Length > 0 ? needed : suspects).Take(MostNamed).Select(Name));
        var which = needed.Length > 0 ? $"the bytes that every text of the grammar needs, found no token with {names}"
            : $"the bytes of some text of the grammar, found that every one needs bytes without a token, such as {names}";
        throw new ConstraintException(
            $"vocabulary: must have {which} (use a tokenizer that has each byte as a token, or a grammar without them).");
    }

    private static string Name(byte value) => value is > 0x20 and < 0x7F ? $"0x{value:X2} ('{(char)value}')" : $"0x{value:X2}";
}
