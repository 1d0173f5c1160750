using System.CommandLine;
using System.CommandLine.Help;
using Coppice.Cli.Commands;

namespace Coppice.Cli;

/// <summary>The command `coppice` with its subcommands.</summary>
internal static class CoppiceCommand
{
    private const int NarrowestHelp = 60;       // narrower, the parser's help cannot be laid out

    /// <summary>What users type.</summary>
    public const string Name = "coppice";

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Write JSON to stdout and nothing else",
        Recursive = true,
    };

    private static readonly Option<bool> Verbose = new("--verbose")
    {
        Description = "Say on stderr what is done, and where an error came from",
        Recursive = true,
    };

    /// <summary>Builds the command.</summary>
    public static RootCommand Create()
    {
        var root = new RootCommand("Coppice runs large language models in pure C#, on the CPU and on NVIDIA GPUs.")
        {
            Json, Verbose,
            GenerateCommand.Create(), ChatCommand.Create(), DraftsCommand.Create(), ScoreCommand.Create(), EmbedCommand.Create(),
            LogitsCommand.Create(), PerplexityCommand.Create(), CalibrateCommand.Create(),
            TokenizeCommand.Create(), RenderCommand.Create(), InfoCommand.Create(), BenchCommand.Create(),
            ProfileCommand.Create(), TuneCommand.Create(), SelfTestCommand.Create(),
            ConvertCommand.Create(), KernelsCommand.Create(), DatastoreCommand.Create(), NGramsCommand.Create(), SchemaCommand.Create(),
            CalibrateKvCommand.Create(), DumpHiddenCommand.Create(), HeadsCommand.Create(), ServeCommand.Create(), PullCommand.Create(),
        };
        foreach (var option in root.Options.OfType<HelpOption>())
        {
            var help = (HelpAction)option.Action!;
            help.MaxWidth = Math.Max(CommandOutput.Columns, NarrowestHelp);
            option.Action = new HelpWithExamples(help);
        }
        return root;
    }

    /// <summary>Gives <paramref name="command"/> the body <paramref name="run"/>, around which outcomes become exit statuses.</summary>
    public static Command Runs(this Command command, Func<CommandContext, int> run)
    {
        command.SetAction(parse =>
        {
            using var output = new CommandOutput(parse.GetValue(Json), parse.GetValue(Verbose));
            using var interrupts = new Interrupts(() => output.HasReader);
            try
            {
                var status = run(new CommandContext(parse, output, interrupts));
                output.Flush();
                return status;
            }
            catch (Exception error)
            {
                return Failure.Report(error, output);
            }
        });
        return command;
    }

    /// <summary>"coppice generate", "coppice ngrams build".</summary>
    public static string NameOf(Command command) =>
        command is RootCommand ? Name : $"{NameOf(command.Parents.OfType<Command>().First())} {command.Name}";
}
