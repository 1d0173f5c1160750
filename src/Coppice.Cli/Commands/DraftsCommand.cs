using System.CommandLine;
using System.Globalization;

namespace Coppice.Cli.Commands;

/// <summary>`coppice drafts`: several continuations of a prompt at once.</summary>
internal static class DraftsCommand
{
    private static readonly Choice<DraftsMethod> Methods = new(
        "method",
        [("auto", DraftsMethod.Auto), ("superposed", DraftsMethod.Superposed), ("batched", DraftsMethod.Batched),
        ("beam", DraftsMethod.Beam)]);
    private static readonly Choice<DraftsMode> Modes = new(
        "mode", [("auto", DraftsMode.Auto), ("geom", DraftsMode.Geometric), ("none", DraftsMode.None)]);

    private static readonly DraftsOptions Defaults = new();
    private static readonly Argument<string> Prompt = new("PROMPT") { Description = "The text to go on from" };
    private static readonly Option<int?> Count =
        ModelArguments.Whole("--count", 1, DraftsOptions.MostDrafts, $"Drafts [default: {Defaults.Count}]");
    private static readonly Option<int?> MaxTokens =
        ModelArguments.Whole("--max-tokens", 1, int.MaxValue, $"Tokens of a draft at most [default: {Defaults.MaxTokens}]");
    private static readonly Option<string> Method = Methods.Option(
        "superposed: all drafts from one pass a step; batched: sampled, in one pass; beam: the most probable; "
        + "auto: the one that other options need, or the cheapest that is nearly as good as the best");
    private static readonly Option<string> Mode =
        Modes.Option("geom: n-grams re-rank superposed drafts; none: the model alone; auto: n-grams where there are enough of them");
    private static readonly Option<string?> NGrams = new("--ngrams")
    {
        Description = "A file that `coppice ngrams build` has made [default: ngrams.bin in the model's folder, where there is one]",
        HelpName = "FILE",
    };
    private static readonly Option<bool> Diversity = new("--diversity") { Description = "Superposed drafts keep different first tokens" };
    private static readonly Option<bool> Distinct = new("--distinct") { Description = "Batched drafts are drawn without replacement" };
    private static readonly Option<string?> MinLogProb = new("--min-log-prob")
    {
        Description =
            "Leave out candidates of superposed drafts whose log-probability among the candidates is below X; "
            + "none for no limit [default: -50]",
        HelpName = "X",
    };
    private static readonly Option<string[]> Stop =
        new("--stop") { Description = "End a draft where this text appears; may be given several times", HelpName = "TEXT" };
    private static readonly Option<bool> IgnoreEos =
        new("--ignore-eos") { Description = "Go on past the model's own tokens that end a text" };
    private static readonly Option<long?> Seed =
        new("--seed") { Description = "Key of the random numbers of batched drafts", HelpName = "N" };

    public static Command Create() =>
        new Command("drafts", "Go on from a text in several ways at once")
            { Prompt, Count, MaxTokens, Method, Mode, NGrams, Diversity, Distinct, MinLogProb, Stop, IgnoreEos, Seed }.WithModel()
                .Runs(Run);

    private static int Run(CommandContext context)
    {
        var options = new DraftsOptions
        {
            Count = context.Value(Count) ?? Defaults.Count,
            MaxTokens = context.Value(MaxTokens) ?? Defaults.MaxTokens,
            Method = Methods.Parse(context.Value(Method)!),
            Mode = Modes.Parse(context.Value(Mode)!),
            NGramFile = context.Value(NGrams),
            Diversity = context.Value(Diversity),
            Distinct = context.Value(Distinct),
            MinLogProb = context.Has(MinLogProb) ? Least(context) : Defaults.MinLogProb,
            StopSequences = context.Value(Stop) ?? [],
            IgnoreEos = context.Value(IgnoreEos),
            Seed = (ulong)(context.Value(Seed) ?? 0),
        };
        using var loaded = ModelArguments.Load(context);
        ModelFolders.RequireTokenizer(loaded.Model);
        using var session = loaded.Model.NewSession();
        DraftsUpdate? last = null;
        bool interrupted;
        using (var lines = new DraftLines(context.Value(Prompt)!, options.Count, context.Output))
        {
            interrupted = context.Interrupts.Run(cancellation => Read(session, context.Value(Prompt)!, options, update =>
            {
                last = update;
                lines.Show(update);
            }, cancellation).GetAwaiter().GetResult());
        }
        if (last is null) return ExitStatus.Interrupted;
        if (context.Output.Json) context.Output.WriteJson(Result(last), CliJson.Default.DraftsResult);
        else context.Output.Note(Summary(last));
        return interrupted ? ExitStatus.Interrupted : ExitStatus.Done;
    }

    private static async Task Read(Session session, string prompt, DraftsOptions options, Action<DraftsUpdate> show,
        CancellationToken cancellation)
    {
        try
        {
            await foreach (var update in session.GenerateDraftsAsync(prompt, options, cancellation).ConfigureAwait(false)) show(update);
        }
        catch (ArgumentException error)
        {
            throw new CommandException(Failure.Message(error), error);
        }
    }

    private static double? Least(CommandContext context)
    {
        var text = context.Value(MinLogProb)!;
        if (text == "none") return null;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value <= 0) return value;
        throw context.Usage($"--min-log-prob must be a number of at most 0, or none, got {JsonLines.Clip(text)}");
    }

    private static DraftsResult Result(DraftsUpdate last)
    {
        var (timing, later) = (last.Timing, Math.Max(last.Timing.Steps - 1, 1));
        var step = (timing.Total - timing.FirstToken).TotalMilliseconds / later;
        return new DraftsResult(
            last.Method.ToString().ToLowerInvariant(),
                [.. last.Drafts.Select(draft => new DraftRow(draft.Ids, draft.Text, draft.LogScore))],
            new DraftsTimes(
                timing.FirstToken.TotalMilliseconds, step, timing.Forward.TotalMilliseconds / later,
                timing.Lookup.TotalMilliseconds / timing.Steps, timing.Merge.TotalMilliseconds / timing.Steps));
    }

    private static string Summary(DraftsUpdate last)
    {
        var times = Result(last).Timing;
        return $"{last.Method.ToString().ToLowerInvariant()}, {last.Timing.Steps} steps; first "
            + $"{Quantity.Number(times.FirstTokenMs)} ms, then "
            + $"{Quantity.Number(times.StepMs)} ms a step (n-grams {Quantity.Number(times.LookupMs)} ms)";
    }
}
