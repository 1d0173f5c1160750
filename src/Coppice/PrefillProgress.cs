namespace Coppice;

/// <summary>How far a prompt has come.</summary>
/// <param name="Tokens">Tokens whose keys and values are there.</param>
/// <param name="Total">Tokens in all.</param>
public readonly record struct PrefillProgress(int Tokens, int Total);
