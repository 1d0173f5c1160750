using System.CommandLine;
using System.Runtime.InteropServices;
using Coppice.Server;

namespace Coppice.Cli.Commands;

/// <summary>`coppice serve`: models over HTTP, for clients of the OpenAI API.</summary>
internal static class ServeCommand
{
    private static readonly Option<string[]> Models = new("--model")
    {
        Description = "A model's folder, or the name of one that was pulled; given several times, each is served under its name",
        HelpName = "DIR|NAME",
        DefaultValueFactory = _ => [ModelFolders.Shipped()],
    };

    private static readonly Option<string> Host = new("--host")
    {
        Description = "The address to listen at; * for all of them, and then everybody who reaches this machine reaches the models",
        HelpName = "ADDRESS",
        DefaultValueFactory = _ => "127.0.0.1",
    };

    private static readonly Option<int?> Port =
        ModelArguments.Whole("--port", 0, 65535, "The port; 0 for any that is free [default: 8080]");

    private static readonly Option<string[]> Keys = new("--api-key")
    {
        Description = "A key that requests must bring as \"Authorization: Bearer KEY\"; may be given several times",
        HelpName = "KEY",
    };

    private static readonly Option<string[]> Origins = new("--allow-origin")
    {
        Description = "A site whose pages may use the server, as https://example.org; * for all; may be given several times",
        HelpName = "ORIGIN",
    };

    private static readonly Option<int?> Queue = ModelArguments.Whole(
        "--max-queue", 0, 1 << 20, "Texts that wait at most; more are refused with status 429 [default: 256]");

    private static readonly Option<int?> Parallel = ModelArguments.Whole(
        "--parallel", 1, 256, "Texts that are generated at once; more wait [default: 64]");

    public static Command Create() =>
        new Command("serve", "Serve models over HTTP, for clients of the OpenAI API") { Host, Port, Keys, Origins, Queue, Parallel }
            .WithModel(Models).Runs(Run);

    private static int Run(CommandContext context)
    {
        var options = new ServerOptions
        {
            Host = context.Value(Host)!,
            Port = context.Value(Port) ?? new ServerOptions().Port,
            ApiKeys = context.Value(Keys) ?? [],
            AllowedOrigins = context.Value(Origins) ?? [],
            MaxQueued = context.Value(Queue) ?? new ServerOptions().MaxQueued,
            Logger = new NoteLogger(context.Output),
        };
        using var terminated = new CancellationTokenSource();
        using var registration = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            terminated.Cancel();
        });
        var stopped = context.Interrupts.Run(
            interrupted =>
            {
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted, terminated.Token);
                try
                {
                    ServeAsync(context, options, stop.Token).GetAwaiter().GetResult();
                }
                catch (OperationCanceledException) when (terminated.IsCancellationRequested)
                {
                    // A server that was told to end has done what it should, even while it was still loading.
                }
            },
            isForReader: false);
        return stopped ? ExitStatus.Interrupted : ExitStatus.Done;
    }

    private static async Task ServeAsync(CommandContext context, ServerOptions options, CancellationToken stop)
    {
        var models = new ServableModels();
        try
        {
            foreach (var model in context.Value(Models)!)
                await models.AddAsync(context, model, context.Value(Parallel) ?? new ModelOptions().MaxSequences, stop);
            await using var server = await CoppiceServer.StartAsync(models.Served, options, stop);
            var url = server.Address.GetLeftPart(UriPartial.Authority);
            if (context.Output.Json) context.Output.WriteJson(new ServeResult(url), CliJson.Default.ServeResult);
            context.Output.Note($"listening on {url}");
            // What follows must not run on the thread that brings the signal.
            var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = stop.UnsafeRegister(_ => end.TrySetResult(), null);
            await end.Task;
        }
        finally
        {
            models.Dispose();
        }
    }
}
