using Coppice.Cache;
using Coppice.Kernels;

namespace Coppice;

public sealed partial class Session
{
    private CancellationTokenSource? _stop;      // ends what runs without being work of the scheduler

    /// <summary>Writes the tokens, and their keys and values as far as they are there, to a file.</summary>
    /// <remarks>
    /// The file is written beside <paramref name="path"/> and takes its place when it is whole. No thread of the pool waits for it, and
    /// other sessions go on. Options, the last result and what a drafter has learned are not saved.
    /// </remarks>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="cancellationToken">Takes effect within 64 tokens of a layer; no file is left, or the one that was there.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidOperationException">The session is generating.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The session or the model was disposed, before or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be written.</exception>
    public Task SaveAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return WithFileAsync(
            cancellation => SessionFile.Save(path, _sequence.Cache, _sequence.Tokens, _sequence.IsBeyond, _model.Fingerprint, cancellation),
            cancellationToken);
    }

    /// <summary>Takes over the tokens of a file that <see cref="SaveAsync"/> wrote, with their keys and values.</summary>
    /// <remarks>
    /// The file must be of the same model: the same configuration and weights, kept the same way and computed by the same kind of device
    /// (the contexts may differ in length), and keys and values of the same type. A checksum finds damage, but is no signature: whoever
    /// writes a file decides what its session says. Therefore what was loaded is not offered to other sessions, until
    /// <see cref="Reset"/>. If loading fails, the session has the tokens that it had; their keys and values may have to be computed anew
    /// by its next call. Holds two blocks of 64 tokens besides the session's pages.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Takes effect within 64 tokens of a layer.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="DeviceMemoryException">The pages that other sessions use leave too few.</exception>
    /// <exception cref="InvalidOperationException">The session is generating.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The session or the model was disposed, before or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="SessionFileException">The file is damaged, or of another model, format or version.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be read.</exception>
    public Task LoadAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return WithFileAsync(cancellation => Load(path, cancellation), cancellationToken);
    }

    /// <summary>Works with a file on a thread of its own, so that none of the pool waits; a dispose stops it.</summary>
    private async Task WithFileAsync(Action<CancellationToken> work, CancellationToken cancellationToken)
    {
        Reserve();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                _stop = stop;
            }
            _model.Scheduler.Take(_sequence);
            try
            {
                await Task.Factory.StartNew(() => work(stop.Token), CancellationToken.None,
                    TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default).ConfigureAwait(false);
            }
            finally
            {
                _model.Scheduler.Put(_sequence);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            ThrowIfDisposed();
            throw new OperationCanceledException(cancellationToken);
        }
        finally
        {
            lock (_gate) _stop = null;
            End(null);
        }
    }

    private void Load(string path, CancellationToken cancellation)
    {
        var cache = _sequence.Cache;
        var saved = SessionFile.Load(
            path, cache, _model.Fingerprint, _model.VocabularySize,
            tokens => _model.Scheduler.Exclusive(() => _model.Scheduler.Reserve(cache, tokens, stored: true)), cancellation);
        if (saved.Tokens.Length > _model.ContextLength)
        {
            cache.Truncate(0);
            throw new SessionFileException(
                $"{Path.GetFileName(path)}: must hold at most {_model.ContextLength:N0} tokens, found {saved.Tokens.Length:N0} "
                + "(load the model with a longer context).");
        }
        lock (_gate)
        {
            _sequence.Restore(saved.Tokens, saved.Beyond);
            _isFromFile = true;
            ObjectDisposedException.ThrowIf(_disposed, this);
        }
    }
}
