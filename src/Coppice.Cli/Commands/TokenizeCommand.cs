using System.CommandLine;
using Coppice.Text;

namespace Coppice.Cli.Commands;

/// <summary>`coppice tokenize`: text to ids and back.</summary>
internal static class TokenizeCommand
{
    private static readonly Argument<string?> Text = new("TEXT") { Description = "The text", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> File = new("--jsonl")
    {
        Description = "One object with \"id\" and \"text\" in each line; - for stdin",
        HelpName = "FILE",
    };
    private static readonly Option<string> Model = ModelFolders.Option("A folder with tokenizer files");

    public static Command Create() =>
        new Command("tokenize", "Show the token ids of texts, and what the ids decode to") { Text, File, Model }.Runs(Run);

    private static int Run(CommandContext context)
    {
        var source = context.OneOf(Text, File) ?? throw context.Usage("a TEXT or --jsonl FILE must be given");
        var tokenizer = ModelFolders.LoadTokenizer(context.Value(Model)!);
        if (source == Text)
        {
            Show(context, Tokenize(tokenizer, context.Value(Text)!), tokenizer);
            return ExitStatus.Done;
        }
        foreach (var line in JsonLines.Read(context.Value(File)!))
        {
            var text = line.Text("text") ?? throw line.Wrong("must have a \"text\", found none.");
            Show(context, Tokenize(tokenizer, text) with { Id = line.Id }, tokenizer);
        }
        return ExitStatus.Done;
    }

    private static TokenizeResult Tokenize(Tokenizer tokenizer, string text)
    {
        var ids = tokenizer.Encode(text, addSpecialTokens: false);
        var framed = tokenizer.Encode(text, addSpecialTokens: true);
        return new TokenizeResult
        {
            Ids = ids,
            IdsSpecial = framed,
            Decoded = tokenizer.Decode(ids, skipSpecialTokens: false),
            DecodedSkip = tokenizer.Decode(framed, skipSpecialTokens: true),
        };
    }

    private static void Show(CommandContext context, TokenizeResult result, Tokenizer tokenizer)
    {
        if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.TokenizeResult);
        else if (context.Output.ShowsTables) Tables.Tokens(result.IdsSpecial, tokenizer);
        else context.Output.WriteLine(string.Join(' ', result.IdsSpecial));
    }
}
