using System.CommandLine;
using Coppice.Cli.Hub;

namespace Coppice.Cli.Commands;

/// <summary>`coppice pull`: brings a model from a hub into the cache.</summary>
internal static class PullCommand
{
    private const string PublicHub = "https://huggingface.co", Main = "main";

    private static readonly Argument<string> Model =
        new("NAME") { Description = "The model, as owner/name; the hub is that of HF_ENDPOINT, the token that of HF_TOKEN" };

    private static readonly Option<string> Revision = new("--revision")
    {
        Description = "A branch, a tag or a commit",
        HelpName = "NAME",
        DefaultValueFactory = _ => Main,
    };

    public static Command Create() =>
        new Command("pull", "Fetch a model from a hub: safetensors, tokenizer and configuration") { Model, Revision }.Runs(Run);

    private static int Run(CommandContext context)
    {
        var endpoint = Environment.GetEnvironmentVariable("HF_ENDPOINT") is { Length: > 0 } named ? named : PublicHub;
        using var client = new HubClient(endpoint, Environment.GetEnvironmentVariable("HF_TOKEN"));
        var pull = new HubPull(client, HubCache.OfUser());
        (string Folder, HubRevision Revision)? found = null;
        var stopped = context.Interrupts.Run(
            cancellation =>
            {
                using var bar = new ProgressBar("fetching", context.Output);
                found = pull.RunAsync(context.Value(Model)!, context.Value(Revision)!, bar.Report, cancellation).GetAwaiter().GetResult();
            },
            isForReader: false);
        if (stopped || found is not var (folder, revision)) return ExitStatus.Interrupted;
        if (context.Output.Json)
            context.Output.WriteJson(new PullResult(folder, revision.Files.Count, revision.Bytes), CliJson.Default.PullResult);
        else
        {
            context.Output.WriteLine(folder);
            // A name means the main branch.
            var finder = context.Value(Revision) == Main ? context.Value(Model) : folder;
            context.Output.Note($"{revision.Files.Count} files, {Quantity.Bytes(revision.Bytes)}; --model {finder} finds it");
        }
        return ExitStatus.Done;
    }
}
