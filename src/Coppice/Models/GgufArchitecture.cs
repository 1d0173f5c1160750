namespace Coppice.Models;

/// <summary>How files in the GGUF format describe a family.</summary>
/// <param name="Name">The architecture's name there, which begins the keys of its sizes.</param>
/// <param name="NeighbouringPairs">Whether RoPE turns neighbouring elements there, so that the rows of queries and keys are
/// reordered.</param>
/// <param name="OutputBias">Whether its readers take biases of the output and MLP projections.</param>
/// <param name="QkNorm">The norms of queries and keys that its readers apply.</param>
/// <param name="SquareAttention">Whether its readers take queries only as wide as the hidden state.</param>
internal sealed record GgufArchitecture(string Name, bool NeighbouringPairs, bool OutputBias, QkNorm QkNorm, bool SquareAttention);
