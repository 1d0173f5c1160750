using Coppice.Server.Generation;
using Coppice.Server.Http;
using Coppice.Server.Requests;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>POST /tokenize: the tokens of a text.</summary>
internal sealed class TokenizeEndpoint(ModelCatalog catalog)
{
    public async Task RunAsync(ApiCall call)
    {
        using var body = await JsonBody.ReadAsync(call.Http, call.Cancellation);
        var fields = new RequestFields(body.RootElement);
        var model = catalog.Find(fields);
        var text = fields.Text("prompt") ?? throw ApiException.Wrong("prompt", "a text", "nothing");
        var special = fields.Flag("add_special_tokens") ?? true;
        fields.RefuseOthers();
        var ids = model.Tokenizer.Encode(text, special);
        await JsonResponse.WriteAsync(call.Http, new TokenizeResponse(ids.Length, model.Text.ContextLength, ids),
            ServerJson.Default.TokenizeResponse);
    }
}
