namespace Coppice.Tests.Support;

/// <summary>A small model and a smaller one of the same tokens, the target's weights in part, so that drafts are sometimes right.</summary>
internal sealed class ModelPair : IDisposable
{
    private readonly TinyModel _target, _draft;
    private readonly Dictionary<string, TinyHeads> _heads = [];

    /// <summary>Makes both of <paramref name="config"/>; the draft differs in its seed, unless it is to be the target itself.</summary>
    public ModelPair(string config = TinyModel.Llama, bool same = false)
    {
        _target = new TinyModel(config);
        _draft = new TinyModel(config);
        if (!same) _draft.Write(noise: 0.15);
    }

    public string Folder => _target.Folder;

    public string DraftFolder => _draft.Folder;

    /// <summary>Folder of heads for the target in a layout of <see cref="TinyHeads"/>.</summary>
    public string Heads(string layout)
    {
        lock (_heads)
        {
            if (!_heads.TryGetValue(layout, out var heads)) _heads.Add(layout, heads = new TinyHeads(layout, _target));
            return heads.Folder;
        }
    }

    /// <summary>Loads the target on the CPU.</summary>
    public LanguageModel Load(ModelOptions? options = null) => _target.Load(options);

    public void Dispose()
    {
        _target.Dispose();
        _draft.Dispose();
        foreach (var heads in _heads.Values) heads.Dispose();
    }
}
