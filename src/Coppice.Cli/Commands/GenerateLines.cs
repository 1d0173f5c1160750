using System.Globalization;
using Coppice.Decoding;

namespace Coppice.Cli.Commands;

/// <summary>
/// `coppice generate --jsonl`: a generation for each line, one after the other or several at once, answered in the order of the lines.
/// </summary>
internal static class GenerateLines
{
    /// <summary>
    /// Answers all <paramref name="requests"/>, <paramref name="parallel"/> at once; a line that fails is an error after the answers
    /// before it.
    /// </summary>
    public static int Run(CommandContext context, IReadOnlyList<GenerationRequest> requests, int parallel)
    {
        using var loaded = ModelArguments.Load(context);
        ChatRenderer? renderer = null;
        var prompts = requests.Select(request => request.InLine(() => request.Tokens(loaded.Model, ref renderer))).ToArray();
        return parallel == 1 ? OneByOne(context, loaded, requests, prompts) : AtOnce(context, loaded, requests, prompts, parallel);
    }

    /// <summary>One session for all, whose text is streamed.</summary>
    private static int OneByOne(CommandContext context, LoadedModel loaded, IReadOnlyList<GenerationRequest> requests,
        IReadOnlyList<int>[] prompts)
    {
        using var session = loaded.Model.NewSession();
        for (var i = 0; i < requests.Count; i++)
        {
            session.Reset();        // so that no line's times depend on the line before
            var stream = context.Output.Json ? null : context.Output;
            stream?.WriteLine(Title(requests, i));
            var prompt = prompts[i];
            var generation = requests[i].InLine(() => Generation.Run(session, prompt, requests[i].Settings, context.Interrupts, stream));
            if (stream is null) context.Output.WriteJson(generation.ToJson(loaded, session, requests[i].Id), CliJson.Default.LineResult);
            else
            {
                stream.WriteLine();
                stream.Flush();
                stream.Note(generation.Summary(loaded, session));
            }
            if (generation.Interrupted) return ExitStatus.Interrupted;
        }
        return ExitStatus.Done;
    }

    /// <summary>What is kept of an answer until its turn has come.</summary>
    private sealed record Answer(LineResult Json, string Summary);

    /// <summary>
    /// A session for each line, so that an answer depends on no other; a text is written when it is complete and its turn has come.
    /// </summary>
    private static int AtOnce(CommandContext context, LoadedModel loaded, IReadOnlyList<GenerationRequest> requests,
        IReadOnlyList<int>[] prompts, int parallel)
    {
        var interrupted = context.Interrupts.Run(cancellation =>
            OrderedWork.RunAsync(requests.Count, parallel, AnswerAsync, Write, cancellation).GetAwaiter().GetResult());
        return interrupted ? ExitStatus.Interrupted : ExitStatus.Done;

        Task<Answer> AnswerAsync(int index, CancellationToken cancellation) => requests[index].InLineAsync(async () =>
        {
            using var session = loaded.Model.NewSession();
            var generation = await Generation.RunAsync(session, prompts[index], requests[index].Settings, cancellation)
                .ConfigureAwait(false);
            return new Answer(generation.ToJson(loaded, session, requests[index].Id), generation.Summary(loaded, session));
        });

        void Write(int index, Answer answer)
        {
            var output = context.Output;
            if (output.Json)
            {
                output.WriteJson(answer.Json, CliJson.Default.LineResult);
                return;
            }
            output.WriteLine(Title(requests, index));
            output.WriteLine(answer.Json.Text);
            output.Flush();
            output.Note(answer.Summary);
        }
    }

    private static string Title(IReadOnlyList<GenerationRequest> requests, int index) =>
        $"{(index == 0 ? "" : "\n")}[{requests[index].Id?.ToString() ?? (index + 1).ToString(CultureInfo.InvariantCulture)}]";
}
