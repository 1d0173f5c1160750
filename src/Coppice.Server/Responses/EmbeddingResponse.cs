namespace Coppice.Server.Responses;

/// <summary>The vectors of /v1/embeddings.</summary>
internal sealed record EmbeddingResponse(string Object, string Model, IReadOnlyList<EmbeddingEntry> Data, EmbeddingUsage Usage);

/// <summary>The vector of a text.</summary>
internal sealed record EmbeddingEntry(string Object, int Index, ReadOnlyMemory<float> Embedding);

/// <summary>The same where vectors are asked for as bytes.</summary>
internal sealed record Base64EmbeddingResponse(string Object, string Model, IReadOnlyList<Base64EmbeddingEntry> Data, EmbeddingUsage Usage);

/// <summary>The vector of a text: its floats, little-endian, in base 64.</summary>
internal sealed record Base64EmbeddingEntry(string Object, int Index, ReadOnlyMemory<byte> Embedding);

/// <summary>Tokens of all texts.</summary>
internal sealed record EmbeddingUsage(int PromptTokens, int TotalTokens);
