using Coppice.Server.Generation;
using Coppice.Server.Http;
using Coppice.Server.Requests;
using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>POST /v1/chat/completions: answers conversations by the model's own template.</summary>
internal sealed class ChatEndpoint(ModelCatalog catalog, TimeProvider time)
{
    private const int MostLogProbs = 20;

    public async Task RunAsync(ApiCall call)
    {
        using var body = await JsonBody.ReadAsync(call.Http, call.Cancellation);
        var fields = new RequestFields(body.RootElement);
        var model = catalog.Find(fields);
        if (!model.Text.Chat.IsAvailable)
            throw ApiException.Refused($"model {model.Served.Name}: has no chat template; /v1/completions continues texts.", "model",
                "no_chat_template");
        var sampling = SamplingFields.Read(fields, model.Text);
        var (newer, older) = (fields.Whole("max_completion_tokens", 1, int.MaxValue), fields.Whole("max_tokens", 1, int.MaxValue));
        var (field, asked) = (newer is null ? "max_tokens" : "max_completion_tokens", newer ?? older);
        var prompt = model.Text.Chat.Prepare(Request(fields, sampling, asked ?? model.Text.ContextLength, call.Scope));
        int[] ids = [.. prompt.Ids];
        var limit = sampling.WithTokens(asked, field, ids.Length, model.Text.ContextLength).MaxTokens;
        var choices = Choice.Of(0, ids, prompt.Generation with { MaxTokens = limit }, sampling.Count, sampling.IsTraced).ToArray();
        using var place = model.Admission.Take(choices.Length);
        var runner = new ChoiceRunner(model.Text, call.Scope, model.Metrics);
        var head = new ResponseHead($"chatcmpl-{Guid.NewGuid():n}", time.GetUtcNow().ToUnixTimeSeconds(), model.Served.Name);
        if (sampling.IsStream)
        {
            await AnswerStream.RunAsync(
                call, stream => new ChatStream(stream, head, model.Text, prompt, sampling, choices, call.Cancellation),
                sink => runner.RunAsync(choices, sink, call.Cancellation));
            return;
        }
        var answers = new ChatTexts(model.Text, prompt, choices);
        var results = await runner.RunAsync(choices, answers, call.Cancellation);
        var usage = UsageOf.All(results, sampling.Count);
        await JsonResponse.WriteAsync(
            call.Http, new ChatResponse(head.Id, "chat.completion", head.Created, head.Model, answers.Choices, usage),
            ServerJson.Default.ChatResponse);
    }

    private static ChatRequest Request(RequestFields fields, SamplingFields sampling, int tokens, CacheScope scope)
    {
        SamplingFields.Ignore(fields);
        var logProbs = fields.Flag("logprobs") ?? false;
        var top = fields.Whole("top_logprobs", 0, MostLogProbs);
        if (top is not null && !logProbs) throw ApiException.Refused("\"top_logprobs\" must come with \"logprobs\": true.", "top_logprobs");
        var isThinking = fields.Choice("reasoning_effort", "none", "minimal", "low", "medium", "high", "xhigh") != "none";
        var request = new ChatRequest
        {
            Messages = ChatFields.Messages(fields),
            Tools = ChatFields.Tools(fields),
            ToolChoice = ChatFields.Choice(fields),
            AllowParallelCalls = fields.Flag("parallel_tool_calls") ?? true,
            Reasoning = isThinking ? null : false,
            TemplateVariables = ChatFields.Variables(fields),
            Scope = scope,
            Generation = sampling.Options with
            {
                MaxTokens = tokens,
                LogProbs = logProbs ? top ?? 0 : null,
                Schema = ChatFields.Schema(fields),
            },
        };
        foreach (var part in fields.List("modalities")?.EnumerateArray() ?? default)
        {
            if (RequestFields.TextOf("modalities", part) != "text") throw ApiException.Wrong("modalities", "[\"text\"]", part);
        }
        fields.RefuseOthers();
        return request;
    }
}
