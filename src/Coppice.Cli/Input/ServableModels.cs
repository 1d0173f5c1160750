using Coppice.Cli.Hub;
using Coppice.Server;

namespace Coppice.Cli;

/// <summary>The models of a server, loaded one after the other; disposes them.</summary>
internal sealed class ServableModels : IDisposable
{
    private readonly List<ServedModel> _served = [];
    private readonly List<IDisposable> _loaded = [];

    /// <summary>Those that are loaded.</summary>
    public IReadOnlyList<ServedModel> Served => _served;

    /// <summary>Loads a model as the user wants it: an encoder for vectors alone, any other for texts.</summary>
    /// <exception cref="CommandException">There is no such folder, or its name is taken.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task AddAsync(CommandContext context, string given, int parallel, CancellationToken cancellation)
    {
        var folder = ModelFolders.Require(given);
        var name = NameOf(given, folder);
        if (_served.Any(model => model.Name == name))
            throw new CommandException($"{given}: models must have different names, found two called {name}.");
        // How many wait is the server's to bound, which counts whole requests.
        var options = ModelArguments.Options(context) with { MaxSequences = parallel, MaxQueued = int.MaxValue };
        using var bar = new ProgressBar("loading", context.Output);
        if (ModelInfo.Read(folder).IsEncoder)
        {
            var model = await EmbeddingModel.LoadAsync(folder, options, null, bar, cancellation);
            Add(context, model, new ServedModel(name, model), model.Warnings);
        }
        else
        {
            var model = await LanguageModel.LoadAsync(folder, options, bar, cancellation);
            Add(context, model, new ServedModel(name, model), model.Warnings);
        }
    }

    /// <summary>"owner/name" for a model of a hub's cache, else the folder's name.</summary>
    internal static string NameOf(string given, string folder) =>
        HubCache.ModelOf(folder) ?? new DirectoryInfo(Path.TrimEndingDirectorySeparator(Path.GetFullPath(given))).Name;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in _loaded) model.Dispose();
    }

    private void Add(CommandContext context, IDisposable model, ServedModel served, IReadOnlyList<string> warnings)
    {
        _loaded.Add(model);
        _served.Add(served);
        foreach (var warning in warnings) context.Output.Note($"coppice: warning: {served.Name}: {warning}");
    }
}
