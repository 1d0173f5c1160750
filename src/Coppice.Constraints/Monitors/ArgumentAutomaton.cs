using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Monitors;

/// <summary>
/// A number of arguments after their opening parenthesis, up to the closing one, then anything. Commas count where no bracket is open and
/// no literal; brackets are counted and not told apart.
/// </summary>
/// <param name="count">How many; at least 0.</param>
internal sealed class ArgumentAutomaton(int count) : ByteAutomaton
{
    private static readonly object Inside = new();

    private enum Literal
    {
        None,
        Text,
        TextEscape,
        Character,
        CharacterEscape,
    }

    /// <summary>The count is the commas so far times 2, plus 1 where something has come after the last of them.</summary>
    public override GrammarState Start => new(Inside, (int)Literal.None, 0, 0);

    public override bool TryStep(in GrammarState state, byte next, bool keepsValues, out GrammarState result)
    {
        result = state;
        if (state.Node == CompletionAutomaton.Free) return true;
        var literal = (Literal)state.Mode;
        if (literal != Literal.None)
        {
            result = state with { Mode = (int)InLiteral(literal, next) };
            return next != '\n';
        }
        var (commas, isFilled, isOutside) = (state.Count >> 1, (state.Count & 1) != 0, state.Lex == 0);
        switch ((char)next)
        {
            case ' ' or '\t' or '\r' or '\n':
                return true;
            case ')' when isOutside:
                result = new GrammarState(CompletionAutomaton.Free, 0, 0, 0);
                return count == 0 ? !isFilled : isFilled && commas == count - 1;
            case ',' when isOutside:
                result = state with { Count = (commas + 1) << 1 };
                return isFilled && commas + 1 < count;
            case ';' or ']' or '}' when isOutside:
                return false;
            case ')' or ']' or '}':
                result = state with { Lex = state.Lex - 1 };
                return true;
        }
        var (mode, depth) = ((char)next) switch
        {
            '"' => (Literal.Text, state.Lex),
            '\'' => (Literal.Character, state.Lex),
            '(' or '[' or '{' => (Literal.None, state.Lex + 1),
            _ => (Literal.None, state.Lex),
        };
        result = state with { Mode = (int)mode, Lex = depth, Count = state.Count | 1 };
        return count > 0;
    }

    public override bool MayEnd(in GrammarState state) => state.Node == CompletionAutomaton.Free;

    public override MaskKey KeyOf(in GrammarState state) =>
        new(state.Node == CompletionAutomaton.Free ? 1 : 0, state.Mode, state.Lex, state.Count);

    public override byte[]? Ending(in GrammarState state) => MayEnd(state) ? [] : null;

    private static Literal InLiteral(Literal literal, byte next) => literal switch
    {
        Literal.TextEscape => Literal.Text,
        Literal.CharacterEscape => Literal.Character,
        Literal.Text when next == '"' => Literal.None,
        Literal.Character when next == '\'' => Literal.None,
        _ when next == '\\' => literal + 1,
        _ => literal,
    };
}
