namespace Coppice;

/// <summary>How the states of a text's tokens become one vector.</summary>
public enum Pooling
{
    /// <summary>The mean over all tokens, special ones included.</summary>
    Mean,
    /// <summary>The state of the first token, which encoders train as the text's.</summary>
    FirstToken,
    /// <summary>The state of the last token, the only one of a decoder that has seen the whole text.</summary>
    LastToken,
}
