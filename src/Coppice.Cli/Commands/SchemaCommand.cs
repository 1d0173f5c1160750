using System.CommandLine;
using System.Text.Json;
using Coppice.Constraints;

namespace Coppice.Cli.Commands;

/// <summary>`coppice schema`: what a JSON Schema means for generation, and how well schemas with instances are kept.</summary>
internal static class SchemaCommand
{
    private static readonly Argument<string> Schema = new("FILE") { Description = "The schema; - for stdin" };
    private static readonly Option<string> Jsonl = new("--jsonl")
    {
        Description = "One object with \"schema\", \"tests\" and, as needed, \"id\" and \"remotes\" in each line; - for stdin",
        HelpName = "FILE",
        Required = true,
    };

    private static readonly Option<string> Model = ModelFolders.Option("A folder with tokenizer files");
    private static readonly Option<string> Format = new("--format")
    {
        Description = "What \"format\" does: assert refuses, annotation says nothing",
        HelpName = "assert|annotation",
        DefaultValueFactory = _ => "assert",
    };

    private static readonly Option<bool> Lenient = new("--lenient")
    {
        Description = "Leave out what cannot be enforced, and say so, instead of refusing the schema",
    };

    public static Command Create()
    {
        Format.AcceptOnlyFromAmong("assert", "annotation");
        return new Command("schema", "Check JSON Schemas that generation is to follow")
        {
            new Command("check", "Compile a schema and show what of it is not enforced, and an example")
            {
                Schema, Model, Format, Lenient,
            }.Runs(Check),
            new Command("test", "Run instances through the masks of their schemas, token by token")
            {
                Jsonl, Model, Format, Lenient,
            }.Runs(Test),
        };
    }

    private static int Check(CommandContext context)
    {
        var text = TextFile.Read(context.Value(Schema)!);
        var vocabulary = Vocabularies.Of(ModelFolders.LoadTokenizer(context.Value(Model)!));
        var start = ThreadClock.Nanoseconds();
        var result = Check(text, vocabulary, OptionsOf(context), start);
        if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.SchemaCheckResult);
        else Show(context, result);
        return result.Compiled || context.Output.Json ? ExitStatus.Done : ExitStatus.Failed;
    }

    private static SchemaCheckResult Check(string text, TokenVocabulary vocabulary, SchemaOptions options, long start)
    {
        try
        {
            var grammar = JsonSchema.Compile(text, vocabulary, options);
            var milliseconds = (ThreadClock.Nanoseconds() - start) / 1e6;
            var example = JsonSchema.Example(grammar);
            return new SchemaCheckResult
            {
                Compiled = true,
                NotEnforced = [.. grammar.Report.NotEnforced.Select(row => new KeywordRow(row.JsonPointer, row.Keyword))],
                CompileMs = milliseconds,
                Example = example is null ? null : JsonDocument.Parse(example).RootElement,
            };
        }
        catch (ConstraintException error)
        {
            var took = (ThreadClock.Nanoseconds() - start) / 1e6;
            return new SchemaCheckResult { Compiled = false, Error = error.Message, NotEnforced = [], CompileMs = took };
        }
    }

    private static void Show(CommandContext context, SchemaCheckResult result)
    {
        if (!result.Compiled)
        {
            context.Output.Note($"coppice: {result.Error}");
            return;
        }
        context.Output.WriteLine($"compiled in {result.CompileMs:f2} ms");
        foreach (var row in result.NotEnforced) context.Output.WriteLine($"not enforced: {row.Keyword} at \"{row.Pointer}\"");
        context.Output.WriteLine($"example: {result.Example?.GetRawText() ?? "none found"}");
    }

    private static int Test(CommandContext context)
    {
        var tokenizer = ModelFolders.LoadTokenizer(context.Value(Model)!);
        var vocabulary = Vocabularies.Of(tokenizer);
        var options = OptionsOf(context);
        SchemaSuite NewSuite() => new(
            vocabulary, text => tokenizer.Encode(text, addSpecialTokens: false), ThreadClock.Nanoseconds, options);
        WarmUp(NewSuite());
        var suite = NewSuite();
        var (compiled, cases) = (0, 0);
        foreach (var line in JsonLines.Read(context.Value(Jsonl)!))
        {
            var outcome = suite.Run(CaseOf(line));
            cases++;
            if (outcome.Error is null) compiled++;
            var result = new SchemaTestResult
            {
                Id = line.Id,
                Compiled = outcome.Error is null,
                Error = outcome.Error,
                CompileMs = outcome.CompileNanoseconds / 1e6,
                FirstMaskUs = outcome.FirstMaskNanoseconds / 1e3,
                Accepted = outcome.Accepted,
            };
            var outcomes = result.Accepted.Select(accepted => accepted ? "accepted" : "refused");
            if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.SchemaTestResult);
            else context.Output.WriteLine($"{line.Id}: {(result.Compiled ? string.Join(' ', outcomes) : result.Error)}");
        }
        var (masks, commits) = (suite.MaskNanoseconds, suite.CommitNanoseconds);
        var times = new SchemaTestTimes(
            new MaskTimes(SchemaSuite.Percentile(masks, .5), SchemaSuite.Percentile(masks, .99), SchemaSuite.Percentile(masks, .999)),
            new CommitTimes(SchemaSuite.Percentile(commits, .5), SchemaSuite.Percentile(commits, .99)));
        if (context.Output.Json) context.Output.WriteJson(times, CliJson.Default.SchemaTestTimes);
        else context.Output.WriteLine(
            $"{compiled} of {cases} compiled; mask {times.MaskUs.P50:f1} us (p99 {times.MaskUs.P99:f1}, p99.9 {times.MaskUs.P999:f1}), "
            + $"token {times.CommitUs.P50:f2} us");
        return ExitStatus.Done;
    }

    /// <summary>Runs a schema that uses most code for a while, so that what is measured is compiled code.</summary>
    private static void WarmUp(SchemaSuite suite)
    {
        const string schema = """
            {"type":"object","required":["a"],"properties":{"a":{"type":"string","pattern":"^[a-z]+$"},"b":{"type":"array","uniqueItems":true,"items":{"enum":[1,"x",null]}},
            "c":{"oneOf":[{"type":"integer","minimum":3},{"type":"string","format":"date","maxLength":12}]}},"additionalProperties":{"anyOf":[{"type":"boolean"},{"type":"object"}]}}
            """;
        var warm = new SchemaCase(schema, ["""{"a":"abc","b":[1,"x",null],"c":12,"d":true,"e":{"f":[1.5,"text"]}}"""],
            new Dictionary<string, string>());
        for (var start = Environment.TickCount64; Environment.TickCount64 - start < 1_500;) suite.Run(warm);
    }

    private static SchemaOptions OptionsOf(CommandContext context) =>
        new() { AssertFormats = context.Value(Format) == "assert", Lenient = context.Value(Lenient) };

    private static SchemaCase CaseOf(JsonLine line)
    {
        if (!line.Json.TryGetProperty("schema", out var schema)) throw line.Wrong("must have a \"schema\", found none.");
        if (!line.Json.TryGetProperty("tests", out var tests) || tests.ValueKind != JsonValueKind.Array)
            throw line.Wrong("must have a list \"tests\", found none.");
        var instances = tests.EnumerateArray().Select(test =>
            test.ValueKind == JsonValueKind.Object && test.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.String
            ? data.GetString()!
            : throw line.Wrong("each of \"tests\" must have \"data\", JSON as a string."));
        var documents = line.Json.TryGetProperty("remotes", out var remotes) && remotes.ValueKind == JsonValueKind.Object
            ? remotes.EnumerateObject().ToDictionary(remote => remote.Name, remote => remote.Value.GetRawText(), StringComparer.Ordinal)
            : [];
        return new SchemaCase(schema.GetRawText(), [.. instances], documents);
    }
}
