namespace Coppice.Cli;

/// <summary>What the process tells its caller.</summary>
internal static class ExitStatus
{
    public const int Done = 0;
    /// <summary>Something that the user can mend: a file, an option's combination, a limit.</summary>
    public const int Failed = 1;
    public const int WrongUsage = 2;
    /// <summary>Stopped by ctrl-C: 128 and the number of the signal.</summary>
    public const int Interrupted = 130;
}
