namespace Coppice.Text.Templates;

/// <summary>The kinds of token that the lexer hands to the parser.</summary>
internal enum TokenKind
{
    Data,
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,
    Text,
    Integer,
    Real,
    Operator,
    End,
}

/// <summary>A token: its kind, its text (of a string literal the value, unescaped), the value of a number, and its line.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line, object? Number = null)
{
    /// <summary>Whether this is the keyword or tag <paramref name="name"/>.</summary>
    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    /// <summary>Whether this is the operator <paramref name="symbol"/>.</summary>
    public bool IsOperator(string symbol) => Kind == TokenKind.Operator && Text == symbol;

    /// <summary>What to call this token in a message.</summary>
    public string Description => Kind switch
    {
        TokenKind.Data => "template data / text",
        TokenKind.VariableBegin => "begin of print statement",
        TokenKind.VariableEnd => "end of print statement",
        TokenKind.BlockBegin => "begin of statement block",
        TokenKind.BlockEnd => "end of statement block",
        TokenKind.Text => "string",
        TokenKind.Integer => "integer",
        TokenKind.Real => "float",
        TokenKind.End => "end of template",
        _ => Text,
    };
}
