using Coppice.Server.Generation;
using Coppice.Server.Http;
using Coppice.Server.Requests;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>POST /v1/completions: goes on from texts.</summary>
internal sealed class CompletionsEndpoint(ModelCatalog catalog, TimeProvider time)
{
    public async Task RunAsync(ApiCall call)
    {
        using var body = await JsonBody.ReadAsync(call.Http, call.Cancellation);
        var fields = new RequestFields(body.RootElement);
        var model = catalog.Find(fields);
        var request = CompletionRequest.Read(fields, model.Text);
        var (choices, prompts) = Choices(request, model);
        using var place = model.Admission.Take(choices.Count);
        var runner = new ChoiceRunner(model.Text, call.Scope, model.Metrics);
        var head = new ResponseHead($"cmpl-{Guid.NewGuid():n}", time.GetUtcNow().ToUnixTimeSeconds(), model.Served.Name);
        var echoes = request.Echo ? Echoes(prompts, model, request.Sampling.Count) : null;
        if (request.Sampling.IsStream)
        {
            await AnswerStream.RunAsync(
                call, stream => new CompletionStream(stream, head, model.Text, request, choices, echoes, call.Cancellation),
                sink => runner.RunAsync(choices, sink, call.Cancellation));
            return;
        }
        var texts = new CompletionTexts(model.Text, request, choices.Count, echoes);
        var results = await runner.RunAsync(choices, texts, call.Cancellation);
        var usage = UsageOf.All(results, request.Sampling.Count);
        await JsonResponse.WriteAsync(
            call.Http, new CompletionResponse(head.Id, "text_completion", head.Created, head.Model, texts.Choices, usage),
            ServerJson.Default.CompletionResponse);
    }

    private static (List<Choice> Choices, int[][] Prompts) Choices(CompletionRequest request, HostedModel model)
    {
        var choices = new List<Choice>();
        int[][] prompts = [.. request.Prompts.Select(prompt => prompt.Ids ?? model.Tokenizer.Encode(prompt.Text!))];
        foreach (var ids in prompts)
        {
            if (ids.Length == 0) throw ApiException.Wrong("prompt", "at least one token", "a text without any");
            var options = request.Sampling.WithTokens(request.MaxTokens, "max_tokens", ids.Length, model.Text.ContextLength);
            choices.AddRange(Choice.Of(choices.Count, ids, options, request.Sampling.Count, request.Sampling.IsTraced));
        }
        return (choices, prompts);
    }

    private static string[] Echoes(int[][] prompts, HostedModel model, int count) =>
        [.. prompts.SelectMany(prompt => Enumerable.Repeat(model.Tokenizer.Decode(prompt, skipSpecialTokens: true), count))];
}
