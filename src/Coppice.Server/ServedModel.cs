namespace Coppice.Server;

/// <summary>A model under the name that requests call it by. The model belongs to the caller.</summary>
public sealed class ServedModel
{
    private readonly Lazy<EmbeddingModel> _embeddings;

    /// <summary>Serves texts, and the vectors of texts where the model has a tokenizer.</summary>
    /// <param name="name">What requests call it.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public ServedModel(string name, LanguageModel model)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(model);
        (Name, Text) = (name, model);
        _embeddings = new Lazy<EmbeddingModel>(() => new EmbeddingModel(model));
    }

    /// <summary>Serves the vectors of texts alone.</summary>
    /// <param name="name">What requests call it.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public ServedModel(string name, EmbeddingModel model)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(model);
        Name = name;
        _embeddings = new Lazy<EmbeddingModel>(model);
    }

    /// <summary>What requests call it.</summary>
    public string Name { get; }

    /// <summary>What generates text; null for an encoder.</summary>
    internal LanguageModel? Text { get; }
    /// <summary>What gives vectors; made when it is first asked for.</summary>
    internal EmbeddingModel Embeddings => _embeddings.Value;
    /// <summary>How busy the model is.</summary>
    internal ModelStatistics Statistics => Text?.Statistics ?? Embeddings.Statistics;
    /// <summary>Texts in passes at once at most.</summary>
    internal int Places => Text?.MaxSequences ?? Embeddings.MaxSequences;

    /// <summary>Frees what was made beside the model.</summary>
    internal void Close()
    {
        if (Text is not null && _embeddings.IsValueCreated) Embeddings.Dispose();
    }
}
