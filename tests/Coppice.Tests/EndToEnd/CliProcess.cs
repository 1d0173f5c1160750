using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>What `coppice` wrote and how it ended.</summary>
internal sealed record CliOutcome(int Status, string Output, string Error)
{
    /// <summary>Its stdout as JSON.</summary>
    public JsonElement Json => Parse(Output);

    /// <summary>Each line of its stdout as JSON.</summary>
    public JsonElement[] JsonLines => [.. Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse)];

    /// <summary>Its stderr, which must be one line that begins as errors do.</summary>
    public string OneError
    {
        get
        {
            Assert.StartsWith("coppice: ", Error, StringComparison.Ordinal);
            Assert.Equal(Error.Length - 1, Error.IndexOf('\n', StringComparison.Ordinal));
            Assert.Empty(Output);
            return Error[..^1];
        }
    }

    /// <summary>The one line of its stderr that is a warning.</summary>
    public string OneWarning
    {
        get
        {
            Assert.Equal(0, Status);
            return Assert.Single(Error.Split('\n'), line => line.StartsWith("coppice: warning: ", StringComparison.Ordinal));
        }
    }

    private static JsonElement Parse(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}

/// <summary>Runs the command line as users do: as a process.</summary>
internal static partial class CliProcess
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The program that was built beside the tests, or another build of it that COPPICE_COMMAND names.</summary>
    public static string Program { get; } = Environment.GetEnvironmentVariable("COPPICE_COMMAND") is { Length: > 0 } other
        ? other : Path.Combine(
        SharedData.Repository, "src", "Coppice.Cli", "bin",
            Directory.GetParent(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!.Name,
        Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)), OperatingSystem.IsWindows()
            ? "coppice.exe" : "coppice");

    /// <summary>Runs <paramref name="arguments"/> to the end.</summary>
    public static CliOutcome Run(params IEnumerable<string> arguments) => Run("", [], arguments);

    /// <summary>The same with an input and environment variables.</summary>
    public static CliOutcome Run(string input, (string Name, string Value)[] environment, IEnumerable<string> arguments)
    {
        using var process = Start(Program, "", environment, arguments);
        return End(process, input);
    }

    /// <summary>Runs another <paramref name="program"/> in <paramref name="folder"/> to the end.</summary>
    public static CliOutcome RunIn(string folder, string program, params IEnumerable<string> arguments) =>
        RunWith("", folder, program, arguments);

    /// <summary>The same with an input.</summary>
    public static CliOutcome RunWith(string input, string folder, string program, IEnumerable<string> arguments)
    {
        using var process = Start(program, folder, [("MSBUILDDISABLENODEREUSE", "1")], arguments);
        return End(process, input);
    }

    private static CliOutcome End(Process process, string input)
    {
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        return End(process, output, error);
    }

    /// <summary>Runs <paramref name="arguments"/> and sends SIGINT once <paramref name="characters"/> have come out.</summary>
    public static CliOutcome Interrupt(int characters, params IEnumerable<string> arguments)
    {
        using var process = Start(Program, "", [], arguments);
        var error = process.StandardError.ReadToEndAsync();
        var begun = new char[characters];
        var count = process.StandardOutput.ReadBlock(begun);
        Assert.Equal(0, Kill(process.Id, 2));
        return End(process, Rest(), error);

        async Task<string> Rest() => new string(begun, 0, count) + await process.StandardOutput.ReadToEndAsync();
    }

    /// <summary>
    /// Runs <paramref name="arguments"/>, does <paramref name="during"/> with the first line of stdout, and sends
    /// <paramref name="signal"/>.
    /// </summary>
    public static async Task<CliOutcome> SignalAsync(int signal, Func<string, Task> during, params IEnumerable<string> arguments)
    {
        using var process = Start(Program, "", [], arguments);
        try
        {
            var error = process.StandardError.ReadToEndAsync();
            var line = await process.StandardOutput.ReadLineAsync();
            if (line is null) return End(process, Task.FromResult(""), error);
            await during(line);
            Assert.Equal(0, Kill(process.Id, signal));
            return End(process, Rest(), error);

            async Task<string> Rest() => line + "\n" + await process.StandardOutput.ReadToEndAsync();
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static Process Start(string program, string folder, (string Name, string Value)[] environment, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            StandardOutputEncoding = Utf8,
            StandardErrorEncoding = Utf8,
            StandardInputEncoding = Utf8,
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static CliOutcome End(Process process, Task<string> output, Task<string> error)
    {
        if (!process.WaitForExit(TimeSpan.FromMinutes(5)))
        {
            process.Kill();
            Assert.Fail($"{process.StartInfo.FileName} did not end: {string.Join(' ', process.StartInfo.ArgumentList)}");
        }
        return new CliOutcome(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
