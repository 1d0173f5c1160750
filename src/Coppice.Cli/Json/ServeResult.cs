namespace Coppice.Cli;

/// <summary>Where the server listens.</summary>
internal sealed record ServeResult(string Url);
