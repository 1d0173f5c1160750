namespace Coppice.Text.Processors;

/// <summary>What a text is framed with: ids of special tokens, and null where the text stands.</summary>
internal sealed record Template(int[]?[] Parts);
