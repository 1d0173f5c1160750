using System.Runtime.InteropServices;

namespace Coppice.Cli;

/// <summary>
/// Ctrl-C: the first stops the work in progress, which then ends in order; where there is none, and the second time, it ends the program.
/// A reader of stdout that has gone stops the work too.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(200);

    private readonly Lock _gate = new();
    private readonly Func<bool> _hasReader;
    private readonly PosixSignalRegistration _registration;
    private CancellationTokenSource? _work;

    /// <summary>Listens from now on; <paramref name="hasReader"/> tells whether anyone reads stdout.</summary>
    public Interrupts(Func<bool> hasReader)
    {
        _hasReader = hasReader;
        _registration = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
    }

    /// <summary>Runs <paramref name="work"/> so that ctrl-C cancels its token, and tells whether it was cancelled.</summary>
    /// <param name="work">What runs.</param>
    /// <param name="isForReader">Whether it is done for the reader of stdout, and cancelled when there is none any more.</param>
    /// <exception cref="ReaderGoneException">It was cancelled because nobody reads stdout any more.</exception>
    public bool Run(Action<CancellationToken> work, bool isForReader = true)
    {
        using var source = new CancellationTokenSource();
        lock (_gate) _work = source;
        using var watch = isForReader ? new Timer(_ => Watch(), null, Glance, Glance) : null;
        try
        {
            work(source.Token);
        }
        catch (OperationCanceledException) when (source.IsCancellationRequested) { }
        finally
        {
            lock (_gate) _work = null;
        }
        if (isForReader && source.IsCancellationRequested && !_hasReader()) throw new ReaderGoneException("stdout");
        return source.IsCancellationRequested;
    }

    /// <summary>Between two texts that are written nothing else would tell.</summary>
    private void Watch()
    {
        if (_hasReader()) return;
        lock (_gate)
        {
            if (_work is { IsCancellationRequested: false } work) work.Cancel();
        }
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
