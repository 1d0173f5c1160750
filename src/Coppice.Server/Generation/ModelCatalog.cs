using Coppice.Server.Http;
using Coppice.Server.Metrics;
using Coppice.Server.Requests;

namespace Coppice.Server.Generation;

/// <summary>A model with what the server knows of it, and when the server began with it, in seconds since 1970.</summary>
internal sealed record HostedModel(ServedModel Served, Admission Admission, ModelMetrics Metrics, long Created)
{
    /// <summary>What generates text.</summary>
    /// <exception cref="ApiException">The model does not.</exception>
    public LanguageModel Text => Served.Text
        ?? throw ApiException.Refused($"model {Served.Name}: gives vectors of texts and generates none; it is served by /v1/embeddings.",
            "model", "not_a_text_model");

    /// <summary>Its tokenizer.</summary>
    /// <exception cref="ApiException">It has none.</exception>
    public Text.Tokenizer Tokenizer => Text.Tokenizer
        ?? throw ApiException.Refused($"model {Served.Name}: has no tokenizer, so it takes token ids and no text.", "prompt");
}

/// <summary>The models of a server by their names.</summary>
internal sealed class ModelCatalog
{
    /// <summary>The models under different names.</summary>
    /// <exception cref="ArgumentException">There is none, or two have the same name.</exception>
    public ModelCatalog(IReadOnlyList<ServedModel> models, int queue, TimeProvider time)
    {
        if (models.Count == 0) throw new ArgumentException("server: must have at least one model, got none.", nameof(models));
        if (models.GroupBy(model => model.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"server: models must have different names, got two called {twice.Key}.", nameof(models));
        All = [.. models.Select(model => new HostedModel(
            model, new Admission(model.Name, model.Places, queue), new ModelMetrics(time), time.GetUtcNow().ToUnixTimeSeconds()))];
    }

    /// <summary>All of them, in the order in which they were given.</summary>
    public IReadOnlyList<HostedModel> All { get; }

    /// <summary>The model that a request names; where there is only one, it is meant by any name.</summary>
    /// <exception cref="ApiException">There are several, and none is called so.</exception>
    public HostedModel Find(RequestFields fields)
    {
        var name = fields.Text("model");
        if (All.Count == 1) return All[0];
        if (name is null) throw ApiException.Wrong("model", $"one of {Names}", "nothing");
        return Find(name);
    }

    /// <summary>The model of this very name.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public HostedModel Find(string name) =>
        All.FirstOrDefault(model => model.Served.Name == name)
            ?? throw ApiException.NotFound($"\"model\" must be one of {Names}, found \"{ApiException.Clip(name)}\".", "model",
                "model_not_found");

    private string Names => string.Join(", ", All.Select(model => model.Served.Name));
}
