namespace Coppice.Cli;

/// <summary>A model in the cache: its folder, and how many files and bytes it has.</summary>
internal sealed record PullResult(string Folder, int Files, long Bytes);
