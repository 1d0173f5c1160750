namespace Coppice.Models;

/// <summary>
/// Which hidden states: l from 0 on is the residual stream after layer l, as the next layer reads it before its norm; two more have names.
/// </summary>
internal static class HiddenLayer
{
    /// <summary>What the first layer reads.</summary>
    public const int Embedding = -1;
    /// <summary>After the last layer and the final norm, where there is one: what the head reads.</summary>
    public const int Final = int.MaxValue;
}
