using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using Coppice.Hosting.Tests.Support;
using Coppice.Text;
using Xunit;

namespace Coppice.Hosting.Tests;

/// <summary>What is told of generations to those who listen.</summary>
public sealed class ObservabilityTests : IDisposable
{
    private readonly ChatModels _models = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _models.Dispose();

    [Fact]
    public async Task A_generation_is_an_activity_with_the_usual_attributes()
    {
        var model = _models.Load();
        var ended = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == CoppiceDiagnostics.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => { lock (ended) ended.Add(activity); },
        };
        ActivitySource.AddActivityListener(listener);
        using var parent = new Activity("request").Start();
        var result = await model.Chat.CompleteAsync(Request(12), Token);
        Assert.Same(parent, Activity.Current);
        using var session = model.NewSession();
        foreach (var _ in session.Generate("Gets", new() { MaxTokens = 3 }, Token)) Assert.Same(parent, Activity.Current);
        var own = ended.Where(activity => activity.ParentSpanId == parent.SpanId).ToArray();
        Assert.Equal([$"chat {model.Name}", $"text_completion {model.Name}"], own.Select(activity => activity.DisplayName));
        Assert.Equal("coppice", own[0].GetTagItem("gen_ai.provider.name"));
        Assert.Equal("chat", own[0].GetTagItem("gen_ai.operation.name"));
        Assert.Equal(model.Name, own[0].GetTagItem("gen_ai.request.model"));
        Assert.Equal(12, own[0].GetTagItem("gen_ai.request.max_tokens"));
        Assert.Equal(result.Generation.PromptTokens, own[0].GetTagItem("gen_ai.usage.input_tokens"));
        Assert.Equal(12, own[0].GetTagItem("gen_ai.usage.output_tokens"));
        Assert.Equal(["length"], (string[])own[0].GetTagItem("gen_ai.response.finish_reasons")!);
        Assert.DoesNotContain(own[0].TagObjects, tag => tag.Value is string text && text.Contains("Gets", StringComparison.Ordinal));
        using var cancelled = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in model.Chat.StreamAsync(Request(500), cancelled.Token)) await cancelled.CancelAsync();
        });
        Assert.Equal("cancelled", ended.Last(activity => activity.ParentSpanId == parent.SpanId).GetTagItem("error.type"));
    }

    [Fact]
    public async Task Metrics_have_the_usual_names_and_tags()
    {
        var model = _models.Load();
        var found = new List<(string Name, double Value, KeyValuePair<string, object?>[] Tags)>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, own) =>
                { if (instrument.Meter.Name == CoppiceDiagnostics.MeterName) own.EnableMeasurementEvents(instrument); },
        };
        void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var copy = tags.ToArray();
            if (!copy.Any(tag => tag.Key == "gen_ai.request.model" && (string?)tag.Value == model.Name)) return;
            lock (found) found.Add((instrument.Name, value, copy));
        }
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        listener.Start();
        await model.Chat.CompleteAsync(Request(9), Token);
        Assert.Equal(
            [
                "gen_ai.client.operation.duration", "gen_ai.client.token.usage", "gen_ai.client.token.usage",
                "gen_ai.server.time_per_output_token",
                "gen_ai.server.time_to_first_token",
            ],
            found.Select(one => one.Name).Order(StringComparer.Ordinal));
        var output = Assert.Single(found, one => one.Tags.Any(tag => tag is { Key: "gen_ai.token.type", Value: "output" }));
        Assert.Equal(9, output.Value);
        Assert.All(found, one => Assert.Contains(one.Tags, tag => tag is { Key: "gen_ai.operation.name", Value: "chat" }));
    }

    [Fact]
    public async Task Counters_of_the_process_count_tokens()
    {
        var model = _models.Load();
        using var listener = new CounterListener();
        for (var i = 0; i < 40 && !listener.Saw("tokens-generated"); i++)
        {
            await model.Chat.CompleteAsync(Request(8), Token);
            await Task.Delay(100, Token);
        }
        Assert.True(listener.Saw("tokens-generated"));
        Assert.True(listener.Has("running-generations") && listener.Has("generations") && listener.Has("prompt-tokens"));
    }

    private static ChatRequest Request(int tokens) => new()
    {
        Messages = [new ChatMessage("user", "Gets or sets the name.")],
        Generation = new() { MaxTokens = tokens, IgnoreEos = true },
    };

    private sealed class CounterListener : EventListener
    {
        private readonly Dictionary<string, double> _highest = [];

        public bool Has(string counter)
        {
            lock (_highest) return _highest.ContainsKey(counter);
        }

        public bool Saw(string counter)
        {
            lock (_highest) return _highest.GetValueOrDefault(counter) > 0;
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == CoppiceDiagnostics.EventSourceName)
                EnableEvents(eventSource, EventLevel.Verbose, EventKeywords.All,
                    new Dictionary<string, string?> { ["EventCounterIntervalSec"] = "0.1" });
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (eventData.EventName != "EventCounters" || eventData.Payload?[0] is not IDictionary<string, object?> counter) return;
            var value = counter.TryGetValue("Increment", out var rate) || counter.TryGetValue("Mean", out rate) ? rate : null;
            lock (_highest)
            {
                var name = (string)counter["Name"]!;
                _highest[name] =
                    Math.Max(_highest.GetValueOrDefault(name), Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture));
            }
        }
    }
}
