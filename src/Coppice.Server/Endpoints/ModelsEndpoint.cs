using Coppice.Server.Generation;
using Coppice.Server.Http;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>GET /v1/models, and one of them.</summary>
internal sealed class ModelsEndpoint(ModelCatalog catalog)
{
    public const string Path = "/v1/models";

    /// <summary>Lists the models.</summary>
    public Task ListAsync(ApiCall call) =>
        JsonResponse.WriteAsync(call.Http, new ModelList("list", [.. catalog.All.Select(Entry)]), ServerJson.Default.ModelList);

    /// <summary>Shows the model whose name comes after the path; it may have slashes.</summary>
    public Task ShowAsync(ApiCall call)
    {
        var name = Uri.UnescapeDataString(call.Http.Request.Path.Value![(Path.Length + 1)..]);
        return JsonResponse.WriteAsync(call.Http, Entry(catalog.Find(name)), ServerJson.Default.ModelEntry);
    }

    private static ModelEntry Entry(HostedModel model) =>
        new(model.Served.Name, "model", model.Created, "coppice", model.Served.Text?.ContextLength ?? model.Served.Embeddings.MaxTokens,
            model.Served.Text?.Chat.IsAvailable ?? false);
}
