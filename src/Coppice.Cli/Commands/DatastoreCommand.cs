using System.CommandLine;
using Coppice.Drafting;
using Coppice.Drafting.Datastores;
using Coppice.Text;

namespace Coppice.Cli.Commands;

/// <summary>`coppice datastore build`: texts as a file that a retrieval drafter reads.</summary>
internal static class DatastoreCommand
{
    private static readonly string[] Kinds = [SuffixOptions.KindName, AdedOptions.KindName];

    private static readonly Option<string[]> Text = new("--text")
    {
        Description = "A file with one document, as plain text; may be given several times",
        HelpName = "FILE",
    };
    private static readonly Option<string?> Lines = new("--jsonl")
    {
        Description = "A file with one document in each line: {\"text\": …}; - for stdin",
        HelpName = "FILE",
    };
    private static readonly Option<string> Out = new("--out") { Description = "The file to write", HelpName = "FILE", Required = true };
    private static readonly Option<string> Kind = new("--kind")
    {
        Description = "The drafter that it is for; rasd reads those for suffix",
        HelpName = string.Join('|', Kinds),
        DefaultValueFactory = _ => Kinds[0],
    };
    private static readonly Option<string> Model = ModelFolders.Option("A folder with the tokenizer files of the model that it is for");

    public static Command Create()
    {
        Kind.AcceptOnly(Kinds);
        var build = new Command("build", "Make a datastore from texts; use it with --drafter NAME:file=FILE")
        {
            Text, Lines, Out, Kind, Model,
        }.Runs(Build);
        return new Command("datastore", "Files for drafters that look up what followed the last tokens elsewhere") { build };
    }

    private static int Build(CommandContext context)
    {
        if (!context.Has(Text) && !context.Has(Lines)) throw context.Usage("--text or --jsonl must be given");
        var tokenizer = ModelFolders.LoadTokenizer(context.Value(Model)!);
        var documents = DocumentReader.Read(context.Value(Text), context.Value(Lines))
            .Select(text => tokenizer.Encode(text, addSpecialTokens: false)).ToArray();
        var fingerprint = TokenizerFingerprint.Of(tokenizer);
        var (path, kind) = (context.Value(Out)!, context.Value(Kind)!);
        int entries;
        using (var file = OutputFile.Create(path))
            entries = kind == SuffixOptions.KindName
                ? SuffixDatastore.Build(file, fingerprint, documents)
                : TrigramStore.Build(file, fingerprint, documents);
        var result = new DatastoreResult(
            kind, documents.Length, documents.Sum(document => (long)document.Length), entries, new FileInfo(path).Length);
        if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.DatastoreResult);
        else context.Output.WriteLine(
            $"{path}: {result.Documents:N0} documents, {Quantity.Count(result.Tokens)} tokens, {Quantity.Count(entries)} entries, "
            + $"{Quantity.Bytes(result.Bytes)}");
        return ExitStatus.Done;
    }
}
