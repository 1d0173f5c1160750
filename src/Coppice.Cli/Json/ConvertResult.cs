namespace Coppice.Cli;

/// <summary>What `convert` wrote.</summary>
internal sealed record ConvertResult(string Path, long Bytes, int Tensors);
