using System.Text.Json;
using Coppice.Cache;
using Coppice.Decoding;
using Coppice.Drafting;
using Coppice.Kernels;

namespace Coppice.Cli;

/// <summary>One generation that has ended, on its own or by ctrl-C, and how it is reported.</summary>
internal sealed record Generation(GenerationResult Result, string Drafter, IReadOnlyList<TokenLogProbRow>? LogProbs, bool Interrupted)
{
    private AsapSamples? Asap { get; init; }

    /// <summary>Generates after <paramref name="prompt"/>; <paramref name="stream"/>, if any, gets the text as it becomes final.</summary>
    public static Generation Run(
        Session session, IReadOnlyList<int> prompt, GenerationSettings settings, Interrupts interrupts, CommandOutput? stream)
    {
        var logProbs = settings.Options.LogProbs is null ? null : new List<TokenLogProbRow>();
        var interrupted = interrupts.Run(cancellation =>
        {
            var options = settings.Asap?.Learn(session, prompt, settings.Options, cancellation) ?? settings.Options;
            foreach (var piece in session.Generate(prompt, options, cancellation))
            {
                if (piece.LogProbs is { } of) logProbs?.Add(Row(piece.TokenId, of));
                if (piece.Text.Length > 0) stream?.Write(piece.Text, flush: true);
            }
        });
        settings.Asap?.Save();
        return new Generation(session.LastResult!, NameOf(settings), logProbs, interrupted) { Asap = settings.Asap };
    }

    /// <summary>The same without a stream, beside others; <paramref name="cancellation"/> ends it with what there is.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled before it began.</exception>
    public static async Task<Generation> RunAsync(Session session, IReadOnlyList<int> prompt, GenerationSettings settings,
        CancellationToken cancellation)
    {
        var logProbs = settings.Options.LogProbs is null ? null : new List<TokenLogProbRow>();
        var interrupted = false;
        try
        {
            var options = settings.Asap is { } asap
                ? await asap.LearnAsync(session, prompt, settings.Options, cancellation).ConfigureAwait(false)
                : settings.Options;
            await foreach (var piece in session.GenerateAsync(prompt, options, cancellation).ConfigureAwait(false))
            {
                if (piece.LogProbs is { } of) logProbs?.Add(Row(piece.TokenId, of));
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested && session.LastResult is not null)
        {
            interrupted = true;
        }
        settings.Asap?.Save();
        return new Generation(session.LastResult!, NameOf(settings), logProbs, interrupted) { Asap = settings.Asap };
    }

    /// <summary>As an object for scripts.</summary>
    public GenerateResult ToJson(LoadedModel loaded, Session session) => ToJson(loaded, session, null);

    /// <summary>As an object for scripts, with the id of its line.</summary>
    public LineResult ToJson(LoadedModel loaded, Session session, JsonElement? id) => new()
    {
        Id = id,
        PromptTokens = Result.PromptTokens,
        Ids = Result.Ids,
        Text = Result.Text,
        FinishReason = Result.FinishReason.ToString().ToLowerInvariant(),
        Stop = Stop(),
        ReusedTokens = Result.ReusedTokens,
        Timing = new GenerateTiming(
            loaded.LoadTime.TotalMilliseconds,
            Result.FirstTokenTime.TotalMilliseconds,
            Result.PrefillTokensPerSecond,
            Result.DecodeTokensPerSecond,
            Result.DecodeTime.TotalMilliseconds),
        Bytes = new MemoryBytes(loaded.Model.WeightBytes, session.KvBytes, session.WorkspaceBytes, loaded.Model.Backend.Memory.PeakBytes),
        AllocatedBytesPerToken = Result.AllocatedBytesPerToken,
        LogProbs = LogProbs,
        Asap = Asap is null ? null : new AsapResult(Asap.Count, Asap.Bound),
        Speculation = IsPlain ? null : new Speculation(
            Drafter, Result.Steps, Result.DraftedTokens, Result.AcceptedTokens, Result.MeanAcceptedLength,
            Result.DraftTime.TotalMilliseconds, Result.VerifyTime.TotalMilliseconds, Result.HostTime.TotalMilliseconds,
                Result.AcceptanceByDepth),
        Sequences = Result.Sequences.Count == 0 ? null : [.. Result.Sequences.Select(Row)],
        Warnings = loaded.Model.Warnings,
    };

    private static SequenceRow Row(GeneratedSequence sequence) => new(
        sequence.Ids, sequence.Text, sequence.LogProbability, sequence.Score, sequence.FinishReason.ToString().ToLowerInvariant());

    private JsonElement? Stop()
    {
        if (Result.Stop is { } text) return JsonSerializer.SerializeToElement(text, CliJson.Default.String);
        return Result.StopId is { } id ? JsonSerializer.SerializeToElement(id, CliJson.Default.Int32) : null;
    }

    /// <summary>Samples that learn from each other are drawn without drafts.</summary>
    private static string NameOf(GenerationSettings settings) =>
        settings.Asap is null ? settings.Options.Drafter.Name : DrafterOptions.None.Name;

    private bool IsPlain => Drafter == DrafterOptions.None.Name;

    /// <summary>As one line for a person.</summary>
    public string Summary(LoadedModel loaded, Session session)
    {
        var ended = Result.FinishReason switch
        {
            FinishReason.Length => "token limit",
            FinishReason.Stop => Result.Stop is null && Result.StopId is null ? "complete" : "stop text",
            FinishReason.Eos => "end of text",
            FinishReason.Error => "error",
            _ => "stopped",
        };
        var reused = Result.ReusedTokens > 0 ? $", reused {Result.ReusedTokens} tokens" : "";
        string[] parts =
        [
            $"{Result.PromptTokens} + {Result.Ids.Count} tokens, {ended}{reused}",
            $"first token {Quantity.Time(Result.FirstTokenTime)}",
            $"prefill {Quantity.Number(Result.PrefillTokensPerSecond)} tokens/s",
            $"decode {Quantity.Number(Result.DecodeTokensPerSecond)} "
            + "tokens/s" + (IsPlain ? "" : $" ({Quantity.Number(Result.MeanAcceptedLength)} a pass)"),
            Activations(loaded.Model), Cache(loaded.Model, session),
            $"peak {Quantity.Bytes(loaded.Model.Backend.Memory.PeakBytes)}",
        ];
        return string.Join(" | ", parts.Where(part => part.Length > 0));
    }

    /// <summary>How products read their activations, where that is not as they are.</summary>
    private static string Activations(LanguageModel model) =>
        model.Options.Activations == ActivationFormat.F32
            ? "" : $"activations {ModelChoices.Activations.NameOf(model.Options.Activations)}";

    /// <summary>Memory of the session's keys and values, and beside what F16 takes for as many tokens.</summary>
    private string Cache(LanguageModel model, Session session)
    {
        var spec = model.Spec;
        var plain = new KvGeometry(spec.KvLayers, spec.KvHeads, spec.HeadDim, ElementType.F16);
        var tokens = Result.PromptTokens + Result.Ids.Count - 1;        // the last one was never in a pass
        var share = (double)session.KvBytes / plain.Bytes(KvLayout.Pages(Math.Max(tokens, 1)));
        return $"cache {Quantity.Bytes(session.KvBytes)}, {Quantity.Percent(share)} of F16";
    }

    private static TokenLogProbRow Row(int token, TokenLogProbs of) =>
        new(token, of.Chosen, [.. of.Best.Select(best => new TokenLogProbEntry(best.TokenId, best.LogProbability))]);
}
