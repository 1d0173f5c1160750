using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;

namespace Coppice.Peers;

/// <summary>Other programs.</summary>
internal static class Programs
{
    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static void Run(string program, params string[] arguments)
    {
        using var process = Start(program, arguments);
        var error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{Path.GetFileName(program)} {string.Join(' ', arguments)}: {error.Result.Trim()}");
    }

    /// <summary>What a program writes; empty where it is not there or writes nothing.</summary>
    public static string Output(string program, params string[] arguments)
    {
        try
        {
            using var process = Start(program, arguments);
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            _ = error.Result;
            return output;
        }
        catch (Win32Exception)
        {
            return "";
        }
    }

    /// <summary>The commit of the work tree that <paramref name="folder"/> is in; empty where it is in none.</summary>
    public static string Version(string folder) => Output("git", "-C", folder, "describe", "--always", "--dirty");

    /// <summary>
    /// The version of the library called <paramref name="library"/> in <paramref name="folder"/>; else as that of a repository.
    /// </summary>
    public static string Version(string folder, string library)
    {
        var path = Path.Combine(folder, library + ".dll");
        return File.Exists(path) ? AssemblyName.GetAssemblyName(path).Version?.ToString(3) ?? "" : Version(folder);
    }

    private static Process Start(string program, string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
