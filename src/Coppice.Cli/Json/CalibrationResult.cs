namespace Coppice.Cli;

/// <summary>What `calibrate` has written, and from how many tokens.</summary>
internal sealed record CalibrationResult(string File, int Tokens, int Layers, int KvHeads, int HeadDim, long Bytes);
