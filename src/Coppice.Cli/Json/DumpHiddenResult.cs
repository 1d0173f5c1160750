namespace Coppice.Cli;

/// <summary>What `dump-hidden` wrote, and the fingerprint of the model that heads trained on it are for.</summary>
internal sealed record DumpHiddenResult(int Texts, long Tokens, IReadOnlyList<string> Files, long Bytes, string Fingerprint);
