namespace Coppice.Cli;

/// <summary>What `calibrate` has written, and from how many tokens.</summary>
internal sealed record KvCalibrationResult(string File, int Tokens, int Layers, int KvHeads, int HeadDim, long Bytes);
