using System.Runtime.InteropServices;
using Coppice.Server.Generation;
using Coppice.Server.Http;
using Coppice.Server.Requests;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>POST /v1/embeddings: the vectors of texts, of an encoder or of any model with a tokenizer.</summary>
internal sealed class EmbeddingsEndpoint(ModelCatalog catalog)
{
    private const int MostTexts = 2048;

    public async Task RunAsync(ApiCall call)
    {
        using var body = await JsonBody.ReadAsync(call.Http, call.Cancellation);
        var fields = new RequestFields(body.RootElement);
        var model = catalog.Find(fields);
        var texts = PromptInput.Read(fields, "input");
        if (texts.Count > MostTexts) throw ApiException.Wrong("input", $"at most {MostTexts} texts", $"{texts.Count}");
        var asBytes = fields.Choice("encoding_format", "float", "base64") == "base64";
        var embeddings = model.Served.Embeddings;
        if (fields.Whole("dimensions", 1, int.MaxValue) is { } dimensions && dimensions != embeddings.Dimensions)
            throw ApiException.Wrong("dimensions", $"{embeddings.Dimensions}, as the model has, or absent", $"{dimensions}");
        fields.Text("user");
        fields.RefuseOthers();
        using var place = model.Admission.Take(1);
        var vectors = await EmbedAsync(embeddings, texts, call.Cancellation);
        var tokens = vectors.Sum(vector => vector.TokenCount);
        model.Metrics.Embedded(tokens);
        var usage = new EmbeddingUsage(tokens, tokens);
        if (asBytes)
            await JsonResponse.WriteAsync(
                call.Http,
                new Base64EmbeddingResponse("list", model.Served.Name,
                [.. vectors.Select((v, i) => new Base64EmbeddingEntry("embedding", i, Bytes(v.Vector.Span)))], usage),
                ServerJson.Default.Base64EmbeddingResponse);
        else
            await JsonResponse.WriteAsync(
                call.Http,
                new EmbeddingResponse("list", model.Served.Name,
                [.. vectors.Select((v, i) => new EmbeddingEntry("embedding", i, v.Vector))], usage),
                ServerJson.Default.EmbeddingResponse);
    }

    /// <summary>The vectors in the order of the texts, of which some may be tokens already.</summary>
    private static async Task<IReadOnlyList<TextEmbedding>> EmbedAsync(EmbeddingModel model, IReadOnlyList<PromptInput> texts,
        CancellationToken cancellation)
    {
        if (texts.All(text => text.Text is not null)) return await model.EmbedAsync([.. texts.Select(text => text.Text!)], cancellation);
        if (texts.All(text => text.Ids is not null)) return await model.EmbedAsync([.. texts.Select(text => text.Ids!)], cancellation);
        throw ApiException.Wrong("input", "texts or lists of token ids", "both");
    }

    /// <summary>Little-endian, as all machines are that .NET runs on.</summary>
    private static byte[] Bytes(ReadOnlySpan<float> vector) => MemoryMarshal.AsBytes(vector).ToArray();
}
