using System.CommandLine;
using System.Text.Json;
using Coppice.Text;

namespace Coppice.Cli.Commands;

/// <summary>`coppice render`: conversations to text by a chat template.</summary>
internal static class RenderCommand
{
    private static readonly Option<string?> Template = new("--template")
    {
        Description = "A file with a Jinja template",
        HelpName = "FILE",
    };
    private static readonly Option<string?> Model = new("--model")
    {
        Description = "A folder whose template and special tokens to use",
        HelpName = "DIR",
    };

    private static readonly Option<string> File = new("--jsonl")
    {
        Description = "One conversation in each line, with \"messages\" and, as needed, \"id\", \"tools\", \"add_generation_prompt\", "
            + "\"variables\", \"now\", \"template\"; - for stdin",
        HelpName = "FILE",
        Required = true,
    };

    public static Command Create() =>
        new Command("render", "Turn conversations into the text that a model reads") { Template, Model, File }.Runs(Run);

    private static int Run(CommandContext context)
    {
        var renderer = context.OneOf(Template, Model) switch
        {
            null => new ChatRenderer(null),
            var source when source == Template => new ChatRenderer(new ChatTemplate(TextFile.Read(context.Value(Template)!))),
            _ => ChatRenderer.Of(ModelFolders.LoadTokenizer(context.Value(Model)!)),
        };
        var failures = 0;
        foreach (var line in JsonLines.Read(context.Value(File)!))
        {
            var result = Render(renderer, line.Json) with { Id = line.Id };
            if (result.Error is not null) failures++;
            if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.RenderResult);
            else if (result.Error is null) context.Output.WriteLine(result.Text!);
            else context.Output.Note($"coppice: {line.Wrong(result.Error).Message}");
        }
        return failures == 0 || context.Output.Json ? ExitStatus.Done : ExitStatus.Failed;
    }

    private static RenderResult Render(ChatRenderer renderer, JsonElement json)
    {
        try
        {
            return new RenderResult { Text = renderer.Render(json) };
        }
        catch (TemplateException error)
        {
            return new RenderResult { Error = error.Message };
        }
    }
}
