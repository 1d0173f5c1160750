using System.Runtime.InteropServices;

namespace Coppice.Cli;

/// <summary>
/// Ctrl-C: the first stops the work in progress, which then ends in order; where there is none, and the second time, it ends the program.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly Lock _gate = new();
    private readonly PosixSignalRegistration _registration;
    private CancellationTokenSource? _work;

    /// <summary>Listens from now on.</summary>
    public Interrupts() => _registration = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);

    /// <summary>Runs <paramref name="work"/> so that ctrl-C cancels its token, and tells whether it was cancelled.</summary>
    public bool Run(Action<CancellationToken> work)
    {
        using var source = new CancellationTokenSource();
        lock (_gate) _work = source;
        try
        {
            work(source.Token);
        }
        catch (OperationCanceledException) when (source.IsCancellationRequested) { }
        finally
        {
            lock (_gate) _work = null;
        }
        return source.IsCancellationRequested;
    }

    /// <inheritdoc/>
    public void Dispose() => _registration.Dispose();

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        lock (_gate)
        {
            if (_work is { IsCancellationRequested: false } work)
            {
                work.Cancel();
                return;
            }
        }
        Environment.Exit(ExitStatus.Interrupted);
    }
}
