using System.Text;
using Coppice.Constraints.Tokens;

namespace Coppice.Constraints.Masks;

/// <summary>
/// The text that must come next because each byte of it is the only one, in the tokens that the tokenizer gives it. Its last tokens are left
/// to the model where a longer token may begin with them: a text cut there is one that the model was not trained on.
/// </summary>
internal sealed class ForcedText(ByteAutomaton automaton, TokenVocabulary vocabulary)
{
    /// <summary>Tokens at most.</summary>
    public const int MostTokens = 32;

    private const int LongestText = 256;
    private const int MostLeftOut = 4;

    private readonly byte[] _text = new byte[LongestText];
    private GrammarState _end;

    /// <summary>The tokens after <paramref name="state"/>; none where there is a choice.</summary>
    public int[] Find(in GrammarState state)
    {
        var text = _text.AsSpan(0, Collect(state));
        if (text.IsEmpty) return [];
        var tokens = Split(text);
        return tokens[..Kept(tokens, text)];
    }

    /// <summary>Collects the bytes, whole characters only; returns how many.</summary>
    private int Collect(in GrammarState state)
    {
        var (at, length, whole) = (state, 0, 0);
        while (length < LongestText && !automaton.MayEnd(at) && !automaton.TakesTokens(at) && TryOnlyByte(at, out var next, out var value))
        {
            // A text that begins within a character is none.
            if (length == 0 && (value & 0xC0) == 0x80) return 0;
            _text[length++] = value;
            at = next;
            if (Rune.DecodeLastFromUtf8(_text.AsSpan(0, length), out _, out _) != System.Buffers.OperationStatus.Done) continue;
            whole = length;
            _end = at;
        }
        return whole;
    }

    private bool TryOnlyByte(in GrammarState state, out GrammarState result, out byte only)
    {
        result = default;
        only = 0;
        var found = false;
        // White space and quotes come first, which end most searches after a few bytes.
        for (var i = 0; i < 256; i++)
        {
            var value = (byte)(i + ' ');
            if (!automaton.TryStep(state, value, keepsValues: false, out var next) || automaton.IsSecondSpelling(state, value)) continue;
            if (found) return false;
            found = true;
            only = value;
            result = next;
        }
        return found;
    }

    /// <summary>As the tokenizer does; where it changes the text, the longest tokens that fit. None where a byte has no token.</summary>
    private int[] Split(ReadOnlySpan<byte> text)
    {
        int[] tokens = [.. vocabulary.Encode!(Encoding.UTF8.GetString(text)).Take(MostTokens)];
        if (Begins(text, tokens)) return tokens;
        var longest = new List<int>();
        for (var rest = text; !rest.IsEmpty && longest.Count < MostTokens;)
        {
            var token = vocabulary.Trie.LongestAt(rest, out var length);
            if (token < 0) return [];
            longest.Add(token);
            rest = rest[length..];
        }
        return [.. longest];
    }

    private bool Begins(ReadOnlySpan<byte> text, int[] tokens)
    {
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)vocabulary.Count) return false;
            var bytes = vocabulary.BytesOf(token);
            if (bytes.IsEmpty || !text.StartsWith(bytes)) return false;
            text = text[bytes.Length..];
        }
        return tokens.Length == MostTokens || text.IsEmpty;
    }

    /// <summary>How many tokens stay: none that a token could begin with which goes on after the text.</summary>
    private int Kept(int[] tokens, ReadOnlySpan<byte> text)
    {
        var length = 0;
        foreach (var token in tokens) length += vocabulary.BytesOf(token).Length;
        if (length < text.Length) return Math.Max(tokens.Length - MostLeftOut, 0);
        var kept = tokens.Length;
        for (var i = tokens.Length - 1; i >= Math.Max(tokens.Length - MostLeftOut, 0); i--)
        {
            length -= vocabulary.BytesOf(tokens[i]).Length;
            if (GoesBeyond(text[length..])) kept = i;
        }
        return kept;
    }

    /// <summary>Whether a token begins with <paramref name="tail"/>, is longer, and is allowed.</summary>
    private bool GoesBeyond(ReadOnlySpan<byte> tail)
    {
        var trie = vocabulary.Trie;
        var (first, end) = trie.Below(tail);
        if (first >= end) return false;
        var states = new GrammarState[trie.LongestToken + 1];
        states[tail.Length] = _end;
        for (var node = first; node < end;)
        {
            int depth = trie.Depths[node];
            if (!automaton.TryStep(in states[depth - 1], trie.Labels[node], keepsValues: false, out states[depth]))
            {
                node = trie.After[node];
                continue;
            }
            if (trie.Tokens[node] >= 0) return true;
            node++;
        }
        return false;
    }
}
