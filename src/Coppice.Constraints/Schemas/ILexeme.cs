using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>A JSON string, or a member's name, of which something is wanted.</summary>
internal interface ILexeme
{
    /// <summary>Reads it.</summary>
    StringLexer Lexer { get; }

    /// <summary>Whether the number of characters makes a difference.</summary>
    bool CountsLength { get; }

    /// <summary>Whether every character may follow every other, and nothing but their number matters.</summary>
    bool IsUniform { get; }

    /// <summary>Whether only texts that are declared may come.</summary>
    bool IsClosed { get; }

    /// <summary>Whether the lexer's state, with this many characters, leads to an end that is wanted.</summary>
    bool IsLive(int lex, int length);

    /// <summary>The same between two characters.</summary>
    bool CanReach(ClassifierState state, int length);

    /// <summary>Whether it may end here, and how: texts with the same outcome are alike for all that follows.</summary>
    bool TryEnd(ClassifierState state, int length, out ulong outcome);
}
