namespace Coppice.Drafting.NGrams;

/// <summary>The stores that a model has opened: each once, until the model is disposed.</summary>
/// <param name="folder">The model's.</param>
/// <param name="vocabularySize">Of the model.</param>
/// <param name="fingerprint">See <see cref="TokenizerFingerprint"/>.</param>
internal sealed class NGramStores(string folder, int vocabularySize, Func<byte[]> fingerprint) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, NGramStore> _open = [];
    private bool _disposed;

    /// <summary>The store in <paramref name="file"/>, or the one beside the model, or null where there is none.</summary>
    /// <exception cref="CheckpointException">It is missing, malformed or of another tokenizer.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public NGramStore? Open(string? file)
    {
        var path = file ?? Path.Combine(folder, NGramStore.FileName);
        if (file is null && !File.Exists(path)) return null;
        path = Path.GetFullPath(path);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_open.TryGetValue(path, out var store)) return store;
            store = _open[path] = NGramStore.Open(path, fingerprint(), vocabularySize);
            store.WarmUp();
            return store;
        }
    }

    /// <summary>Unmaps all; none may be in use.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var store in _open.Values) store.Dispose();
            _open.Clear();
        }
    }
}
