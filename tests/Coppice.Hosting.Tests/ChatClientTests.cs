using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Coppice.Extensions.AI;
using Coppice.Hosting.Tests.Support;
using Coppice.Text;
using Microsoft.Extensions.AI;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;
using Xunit;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using FunctionCallContent = Microsoft.Extensions.AI.FunctionCallContent;
using FunctionResultContent = Microsoft.Extensions.AI.FunctionResultContent;

namespace Coppice.Hosting.Tests;

/// <summary>A model as an IChatClient does what a .NET programmer expects of one.</summary>
public sealed class ChatClientTests : IDisposable
{
    private static readonly ChatOptions Greedy = new() { Temperature = 0, MaxOutputTokens = 24, Seed = 1 };

    private readonly ChatModels _models = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _models.Dispose();

    [Fact]
    public async Task A_stream_and_a_whole_response_are_the_same()
    {
        using var client = _models.Load().AsIChatClient();
        var options = Greedy.Clone();
        options.MaxOutputTokens = 8;        // before the model ends by itself
        var whole = await client.GetResponseAsync("Gets or sets the name.", options, Token);
        var updates = await client.GetStreamingResponseAsync("Gets or sets the name.", options, Token).ToListAsync(Token);
        var streamed = updates.ToChatResponse();
        Assert.Equal(whole.Text, streamed.Text);
        Assert.True(updates.Count > 3);
        Assert.Single(updates.Select(update => update.ResponseId).Distinct());
        Assert.All(updates, update => Assert.Equal(ChatRole.Assistant, update.Role));
        Assert.Equal(ChatFinishReason.Length, whole.FinishReason);
        Assert.Equal(ChatFinishReason.Length, streamed.FinishReason);
        Assert.Equal(8, whole.Usage!.OutputTokenCount);
        Assert.Equal(whole.Usage.InputTokenCount + 8, whole.Usage.TotalTokenCount);
        Assert.NotNull(whole.CreatedAt);
        Assert.StartsWith("coppice-chat-", whole.ModelId, StringComparison.Ordinal);
        Assert.Equal(whole.ModelId, client.GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.Equal("coppice", client.GetService<ChatClientMetadata>()!.ProviderName);
        Assert.NotNull(client.GetService<LanguageModel>());
        Assert.NotNull(client.GetService<Tokenizer>());
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Null(client.GetService<LanguageModel>("key"));
    }

    [Fact]
    public async Task A_stop_sequence_ends_with_stop_and_is_not_in_the_text()
    {
        using var client = _models.Load().AsIChatClient();
        var whole = (await client.GetResponseAsync("Gets or sets the name.", Greedy, Token)).Text;
        var stop = whole.Substring(whole.Length / 2, 3);
        var options = Greedy.Clone();
        options.StopSequences = [stop];
        var stopped = await client.GetResponseAsync("Gets or sets the name.", options, Token);
        Assert.Equal(ChatFinishReason.Stop, stopped.FinishReason);
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
    }

    [Fact]
    public async Task A_conversation_is_not_computed_again()
    {
        using var client = _models.Load().AsIChatClient();
        List<ChatMessage> messages = [new(ChatRole.User, string.Join(' ', Enumerable.Repeat("Gets or sets the name.", 40)))];
        var first = await client.GetResponseAsync(messages, Greedy, Token);
        messages.AddRange(first.Messages);
        messages.Add(new ChatMessage(ChatRole.User, "And the value?"));
        var second = await client.GetResponseAsync(messages, Greedy, Token);
        Assert.True(second.Usage!.CachedInputTokenCount > first.Usage!.InputTokenCount / 2,
            $"{second.Usage.CachedInputTokenCount} of {second.Usage.InputTokenCount}");
    }

    [Fact]
    public async Task Options_are_followed_or_refused_by_name()
    {
        using var client = _models.Load().AsIChatClient();
        (string Name, ChatOptions Options)[] refused =
        [
            ("ConversationId", new() { ConversationId = "x" }), ("ModelId", new() { ModelId = "other" }),
            ("AllowBackgroundResponses", new() { AllowBackgroundResponses = true }),
            ("Tools", new() { Tools = [new HostedWebSearchTool()] }),
            ("AdditionalProperties[\"logit_scale\"]", new() { AdditionalProperties = new() { ["logit_scale"] = 1 } }),
            ("Reasoning.Effort", new() { Reasoning = new() { Effort = ReasoningEffort.High } }),
            ("Reasoning.Output", new() { Reasoning = new() { Output = ReasoningOutput.Summary } }),
            ("RawRepresentationFactory", new() { RawRepresentationFactory = _ => "text" }),
        ];
        foreach (var (name, options) in refused)
        {
            var error = await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("x", options, Token));
            Assert.Contains($"ChatOptions.{name}", error.Message, StringComparison.Ordinal);
        }
        await Assert.ThrowsAnyAsync<ArgumentException>(() => client.GetResponseAsync("x", new() { TopP = 2 }, Token));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => client.GetResponseAsync("x", new() { MaxOutputTokens = 0 }, Token));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => client.GetResponseAsync([], null, Token));
        var image = await Assert.ThrowsAsync<NotSupportedException>(
            () => client.GetResponseAsync(new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]), null, Token));
        Assert.Contains("DataContent", image.Message, StringComparison.Ordinal);
    }

    /// <summary>A new option must not be ignored: whoever updates the package must map it or refuse it.</summary>
    [Fact]
    public void Every_option_is_known() => Assert.Equal(
        [
            "AdditionalProperties", "AllowBackgroundResponses", "AllowMultipleToolCalls", "ContinuationToken", "ConversationId",
            "FrequencyPenalty", "Instructions",
            "MaxOutputTokens", "ModelId", "PresencePenalty", "RawRepresentationFactory", "Reasoning", "ResponseFormat", "Seed",
            "StopSequences",
            "Temperature", "ToolMode", "Tools", "TopK", "TopP",
        ],
        typeof(ChatOptions).GetProperties().Select(property => property.Name).Order(StringComparer.Ordinal));

    [Fact]
    public async Task Sampling_follows_the_options()
    {
        using var client = _models.Load().AsIChatClient();
        var options = new ChatOptions
        {
            Temperature = 1,
            TopK = 40,
            TopP = 0.95f,
            FrequencyPenalty = 0.1f,
            PresencePenalty = 0.1f,
            MaxOutputTokens = 24,
            Seed = 7,
            AdditionalProperties = new() { ["min_p"] = 0.01, ["repetition_penalty"] = 1.1, ["ignore_eos"] = true, ["min_tokens"] = 3 },
        };
        var first = await client.GetResponseAsync("Gets or sets", options, Token);
        Assert.Equal(first.Text, (await client.GetResponseAsync("Gets or sets", options, Token)).Text);
        options.Seed = null;
        var others = new HashSet<string>();
        for (var i = 0; i < 5; i++) others.Add((await client.GetResponseAsync("Gets or sets", options, Token)).Text);
        Assert.True(others.Count > 1, "without a seed sampled answers differ");
        using var seeded = _models.Load().AsIChatClient(new() { Generation = new() { UseModelDefaults = true, Seed = 7 } });
        Assert.Equal(first.Text, (await seeded.GetResponseAsync("Gets or sets", options, Token)).Text);
    }

    [Fact]
    public async Task Samplers_and_strategies_are_properties()
    {
        using var client = _models.Load().AsIChatClient();
        async Task<string> Text(float temperature, AdditionalPropertiesDictionary properties) =>
            (await client.GetResponseAsync("Gets or sets",
                new() { Temperature = temperature, MaxOutputTokens = 12, Seed = 7, AdditionalProperties = properties }, Token)).Text;
        var greedy = await Text(0, []);
        Assert.Equal(greedy, await Text(0, new() { ["strategy"] = "beam:beams=1" }));
        Assert.Equal(greedy, await Text(1, new() { ["typical_p"] = 1, ["top_n_sigma"] = 1e-6, ["samplers"] = "llama-cpp" }));
        Assert.NotEqual(greedy, await Text(1, new() { ["strategy"] = "mirostat:tau=9,truncation=true", ["dry_multiplier"] = 0.8 }));
        var error = await Assert.ThrowsAnyAsync<ArgumentException>(() => Text(1, new() { ["strategy"] = "bean" }));
        Assert.Contains("did you mean beam?", error.Message, StringComparison.Ordinal);
        // As options too, and under a response format.
        Assert.Equal(
            await Text(1, new() { ["strategy"] = "blockwise:k=3,block=4" }),
            await Text(1, new() { ["strategy"] = new BlockwiseOptions { Count = 3, Block = 4 } }));
        using var schema = JsonDocument.Parse("""{"type":"integer","minimum":10,"maximum":99}""");
        var held = new ChatOptions
        {
            ResponseFormat = ChatResponseFormat.ForJsonSchema(schema.RootElement),
            AdditionalProperties = new() { ["strategy"] = "beam:beams=3" },
        };
        var number = (await client.GetResponseAsync("How many?", held, Token)).Text;
        Assert.InRange(int.Parse(number, System.Globalization.CultureInfo.InvariantCulture), 10, 99);
    }

    [Fact]
    public async Task The_time_is_that_of_the_clock_that_is_given()
    {
        var model = _models.Load("{{ strftime_now('%Y-%m-%d') }} {{ messages[-1].content }}");
        var clock = new Clock(new DateTimeOffset(2031, 2, 3, 4, 5, 6, TimeSpan.Zero));
        using var client = model.AsIChatClient(new() { TimeProvider = clock });
        var response = await client.GetResponseAsync("Hi", Greedy, Token);
        Assert.Equal(clock.GetUtcNow(), response.CreatedAt);
        Assert.Equal(model.Tokenizer!.Encode("2031-02-03 Hi", false).Length, response.Usage!.InputTokenCount);
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => now;
    }

    [Fact]
    public async Task Instructions_come_first_as_the_system_says_them()
    {
        var model = _models.Load("{{ messages | tojson }}");
        using var client = model.AsIChatClient();
        var asked = new List<ChatResponseUpdate>();
        var options = Greedy.Clone();
        options.Instructions = "Be brief.";
        await foreach (var update in client.GetStreamingResponseAsync([new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hi")], options,
            Token)) asked.Add(update);
        var expected = model.Tokenizer!.Encode(
            "[{\"role\": \"system\", \"content\": \"Be brief.\\n\\nBe kind.\"}, {\"role\": \"user\", \"content\": \"Hi\"}]", false);
        Assert.Equal(expected.Length, asked.ToChatResponse().Usage!.InputTokenCount);
    }

    private sealed record Member(string Kind, int Line, bool IsStatic);

    [Fact]
    public async Task A_response_format_is_enforced()
    {
        using var client = _models.Load().AsIChatClient();
        var typed = await client.GetResponseAsync<Member>("Describe the member.",
            new ChatOptions { Temperature = 0, MaxOutputTokens = 300 },
            cancellationToken: Token);
        Assert.True(typed.TryGetResult(out var member), typed.Text);
        Assert.NotNull(member.Kind);
        var json = await client.GetResponseAsync("Describe it.",
            new() { Temperature = 0, MaxOutputTokens = 60, ResponseFormat = ChatResponseFormat.Json }, Token);
        if (json.FinishReason == ChatFinishReason.Stop)
            Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(json.Text).RootElement.ValueKind);
    }

    [Fact]
    public async Task Functions_are_invoked_by_the_usual_pipeline()
    {
        var called = new List<int>();
        [Description("Adds one.")] int Increment([Description("A number from 1 to 5")] int number)
        {
            called.Add(number);
            return number + 1;
        }
        using var client =
            new ChatClientBuilder(_models.Load(ChatModels.Published("qwen2.5")).AsIChatClient()).UseFunctionInvocation().Build();
        var options = new ChatOptions
        {
            Temperature = 0,
            MaxOutputTokens = 80,
            ToolMode = ChatToolMode.RequireAny,
            AllowMultipleToolCalls = false,
            Tools = [AIFunctionFactory.Create(Increment, "increment")],
        };
        var response = await client.GetResponseAsync("Which number comes after 3?", options, Token);
        Assert.Single(called);
        var call = Assert.Single(response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>());
        Assert.Null(call.Exception);
        Assert.Equal("increment", call.Name);
        var result = Assert.Single(response.Messages.SelectMany(message => message.Contents).OfType<FunctionResultContent>());
        Assert.Equal(call.CallId, result.CallId);
        Assert.Equal($"{called[0] + 1}", result.Result?.ToString());
        Assert.Equal(ChatRole.Assistant, response.Messages[^1].Role);
        Assert.True(response.Usage!.OutputTokenCount > 0);
    }

    [Fact]
    public async Task A_call_ends_with_its_own_reason()
    {
        using var client = _models.Load(ChatModels.Published("qwen2.5")).AsIChatClient();
        var tool = AIFunctionFactory.CreateDeclaration("f", "Does it.",
            JsonDocument.Parse("""{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}""").RootElement);
        var response = await client.GetResponseAsync("x",
            new() { Temperature = 0, MaxOutputTokens = 60, Tools = [tool], ToolMode = ChatToolMode.RequireSpecific("f") }, Token);
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.IsType<JsonElement>(
            Assert.Single(response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>()).Arguments!["n"]);
        var none = await client.GetResponseAsync("x",
            new() { Temperature = 0, MaxOutputTokens = 20, Tools = [tool], ToolMode = ChatToolMode.None }, Token);
        Assert.NotEqual(ChatFinishReason.ToolCalls, none.FinishReason);
    }

    [Fact]
    public async Task Reasoning_is_content_of_its_own()
    {
        using var client = _models.Load(ChatModels.Reasoning).AsIChatClient();
        var options = Greedy.Clone();
        options.Reasoning = new ReasoningOptions { Effort = ReasoningEffort.Medium };
        var response = await client.GetResponseAsync("Gets or sets", options, Token);
        Assert.Equal("", response.Text);
        Assert.NotEmpty(response.Messages.SelectMany(message => message.Contents).OfType<TextReasoningContent>());
        Assert.True(response.Usage!.ReasoningTokenCount > 10);
        options.Reasoning.Output = ReasoningOutput.None;
        var hidden = await client.GetResponseAsync("Gets or sets", options, Token);
        Assert.Empty(hidden.Messages.SelectMany(message => message.Contents).OfType<TextReasoningContent>());
        options.Reasoning = new ReasoningOptions { Effort = ReasoningEffort.None };
        Assert.NotEqual("", (await client.GetResponseAsync("Gets or sets", options, Token)).Text);
    }

    [Fact]
    public async Task Semantic_Kernel_talks_through_the_client()
    {
        using var client = _models.Load().AsIChatClient();
        var service = client.AsChatCompletionService();
        var history = new ChatHistory("Be brief.");
        history.AddUserMessage("Gets or sets the name.");
        var answer = await service.GetChatMessageContentAsync(history, cancellationToken: Token);
        Assert.False(string.IsNullOrEmpty(answer.Content));
    }

    [Fact]
    public async Task Cancelling_takes_effect_within_a_pass_and_names_the_callers_token()
    {
        using var client = _models.Load().AsIChatClient();
        using var cancel = new CancellationTokenSource();
        var (updates, time) = (0, TimeSpan.Zero);
        var start = 0L;
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in client.GetStreamingResponseAsync("Gets or sets",
                new() { Temperature = 0, MaxOutputTokens = 2000, AdditionalProperties = new() { ["ignore_eos"] = true } }, cancel.Token))
            {
                if (++updates != 3) continue;
                start = Stopwatch.GetTimestamp();
                await cancel.CancelAsync();
            }
        });
        time = Stopwatch.GetElapsedTime(start);
        Assert.Equal(cancel.Token, error.CancellationToken);
        Assert.Equal(3, updates);
        Assert.True(time < TimeSpan.FromSeconds(5), $"it took {time}");
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("x", null, cancelled.Token));
        Assert.NotEqual("", (await client.GetResponseAsync("Gets or sets", Greedy, Token)).Text);
    }

    [Fact]
    public async Task A_dispose_ends_what_runs_and_refuses_what_comes()
    {
        var model = _models.Load();
        var client = model.AsIChatClient();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (var _ in client.GetStreamingResponseAsync("Gets or sets",
                new() { MaxOutputTokens = 2000, AdditionalProperties = new() { ["ignore_eos"] = true } }, Token)) client.Dispose();
        });
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("x", null, Token));
        using var other = model.AsIChatClient();        // the model was the caller's
        Assert.NotEqual("", (await other.GetResponseAsync("Gets or sets", Greedy, Token)).Text);
        var owner = new CoppiceChatClient(_models.Load(), ownsModel: true);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (var _ in owner.GetStreamingResponseAsync("Gets or sets",
                new() { MaxOutputTokens = 2000, AdditionalProperties = new() { ["ignore_eos"] = true } }, Token)) owner.Dispose();
        });
        owner.Dispose();
    }

    [Fact]
    public async Task Answers_at_once_equal_those_alone()
    {
        using var client = _models.Load().AsIChatClient();
        string[] prompts = [.. Enumerable.Range(0, 12).Select(i => $"Gets or sets the name of number {i}.")];
        ChatOptions OptionsOf(int i) => new() { Temperature = i % 2, Seed = i, MaxOutputTokens = 10 + i };
        var alone = new List<string>();
        for (var i = 0; i < prompts.Length; i++) alone.Add((await client.GetResponseAsync(prompts[i], OptionsOf(i), Token)).Text);
        var together = await Task.WhenAll(prompts.Select((prompt, i) => client.GetResponseAsync(prompt, OptionsOf(i), Token)));
        Assert.Equal(alone, together.Select(response => response.Text));
    }

    [Fact]
    public async Task Texts_become_embeddings()
    {
        using var model = EmbeddingModel.Load(_models.Folder(ChatModels.Plain), new() { Device = "cpu" });
        using var generator = model.AsIEmbeddingGenerator();
        var vectors = await generator.GenerateAsync(["Gets the name.", "Closes the file."], cancellationToken: Token);
        Assert.Equal(2, vectors.Count);
        Assert.Equal(model.Embed("Gets the name.").Vector.ToArray(), vectors[0].Vector.ToArray());
        Assert.True(vectors.Usage!.InputTokenCount > 5);
        Assert.Equal(model.Dimensions, generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelDimensions);
        Assert.Same(model, generator.GetService<EmbeddingModel>());
        var error = await Assert.ThrowsAsync<NotSupportedException>(() => generator.GenerateAsync(["x"], new() { Dimensions = 3 }, Token));
        Assert.Contains("Dimensions", error.Message, StringComparison.Ordinal);
    }
}
