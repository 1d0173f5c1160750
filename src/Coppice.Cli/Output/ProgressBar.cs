using Spectre.Console;

namespace Coppice.Cli;

/// <summary>A bar on stderr where that is a terminal; nothing elsewhere.</summary>
internal sealed class ProgressBar : IDisposable, IProgress<LoadProgress>
{
    private readonly ManualResetEventSlim _ended = new();
    private readonly Thread? _painter;
    private double _share;

    /// <summary>Shows the bar called <paramref name="title"/> until it is disposed.</summary>
    public ProgressBar(string title, CommandOutput output)
    {
        if (!CommandOutput.ShowsBars) return;
        output.Flush();
        _painter = new Thread(() => Paint(title)) { IsBackground = true };
        _painter.Start();
    }

    /// <summary>Moves the bar to <paramref name="done"/> of <paramref name="total"/>; from any thread.</summary>
    public void Report(long done, long total) => Volatile.Write(ref _share, total > 0 ? (double)done / total : 1);

    /// <inheritdoc/>
    public void Report(LoadProgress value) => Report(value.Bytes, value.Total);

    /// <summary>Takes the bar away.</summary>
    public void Dispose()
    {
        _ended.Set();
        _painter?.Join();
        _ended.Dispose();
    }

    private void Paint(string title)
    {
        // What is over in a moment needs no bar.
        if (_ended.Wait(300)) return;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress().AutoClear(true).Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn())
            .Start(progress =>
        {
            var task = progress.AddTask(Markup.Escape(title), maxValue: 1);
            do task.Value = Volatile.Read(ref _share);
            while (!_ended.Wait(100));
        });
    }
}
