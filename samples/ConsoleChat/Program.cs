using Coppice;

if (args is not [var folder])
{
    Console.Error.WriteLine("usage: ConsoleChat FOLDER, the folder of a model with a chat template");
    return 2;
}
using var model = LanguageModel.Load(folder);
if (!model.Chat.IsAvailable)
{
    Console.Error.WriteLine($"{folder}: has no chat template");
    return 1;
}
// Keeps the messages, their keys and values; when the context is full, the oldest turns go.
using var conversation = model.Chat.NewConversation();
CancellationTokenSource? answering = null;
Console.CancelKeyPress += (_, pressed) =>
{
    // The first ctrl-C ends the answer, the next one the program.
    if (answering is not { IsCancellationRequested: false } running) return;
    pressed.Cancel = true;
    running.Cancel();
};
while (true)
{
    Console.Write("> ");
    if (Console.ReadLine() is not { Length: > 0 } line) return 0;
    using var cancel = answering = new CancellationTokenSource();
    try
    {
        await foreach (var piece in conversation.SendAsync(line, cancel.Token)) Console.Write(piece.Text);
    }
    catch (OperationCanceledException)
    {
        Console.Write(" (stopped)");
    }
    catch (ContextOverflowException error)
    {
        Console.Write(error.Message);
    }
    answering = null;
    Console.WriteLine();
}
