using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Coppice.Cli;

/// <summary>A standard stream that cannot be written; the message names it.</summary>
internal class OutputException(string message) : IOException(message);

/// <summary>Whoever read the output has gone, as head does after some lines: nothing that follows is wanted.</summary>
internal sealed class ReaderGoneException(string stream) : OutputException($"{stream}: its reader has gone.");

/// <summary>
/// stdout or stderr of the process, written at once. What cannot be written is an exception, never silence and never an abort.
/// </summary>
/// <remarks>
/// The framework's own stream says nothing when a reader has gone, so a program would compute for nobody; and a stream that was closed when
/// the program began has its number taken by the next file that is opened, so that texts would go into that file. Both are found here.
/// </remarks>
internal sealed unsafe partial class StandardStream : Stream
{
    private const int GetDescriptorFlags = 1, ClosedOnExecution = 1;        // F_GETFD, FD_CLOEXEC
    private const int Interrupted = 4, TryAgain = 11, TryAgainOnMac = 35, BrokenPipe = 32;     // EINTR, EAGAIN, EPIPE
    private const short PollError = 8, PollInvalid = 32;        // POLLERR, POLLNVAL
    private const int Wait = 10;        // milliseconds until a full pipe that must not block is tried again

    private readonly int _descriptor;
    private readonly string _name;
    private readonly Stream? _framework;        // where there are no descriptors
    private readonly bool _isOpen;

    private StandardStream(int descriptor, string name)
    {
        _descriptor = descriptor;
        _name = name;
        if (OperatingSystem.IsWindows()) _framework = descriptor == 1 ? Console.OpenStandardOutput() : Console.OpenStandardError();
        _isOpen = IsInherited(descriptor);
    }

    /// <summary>The process's stdin.</summary>
    /// <exception cref="CommandException">It was closed when the program began.</exception>
    public static Stream Input() =>
        IsInherited(0) ? Console.OpenStandardInput() : throw new CommandException("stdin: must be open, found it closed.");

    /// <summary>The process's stdout.</summary>
    public static StandardStream Output() => new(1, "stdout");

    /// <summary>The process's stderr.</summary>
    public static StandardStream Error() => new(2, "stderr");

    /// <summary>Whether the stream was there when the program began, and a pipe's or socket's other end is not closed.</summary>
    public bool HasReader
    {
        get
        {
            if (_framework is not null) return true;
            var question = new PollQuestion { Descriptor = _descriptor };
            return !_isOpen || Poll(&question, 1, 0) <= 0 || (question.Answer & (PollError | PollInvalid)) == 0;
        }
    }

    /// <inheritdoc/>
    public override bool CanRead => false;
    /// <inheritdoc/>
    public override bool CanSeek => false;
    /// <inheritdoc/>
    public override bool CanWrite => true;
    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();
    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Writes all of <paramref name="buffer"/>.</summary>
    /// <exception cref="ReaderGoneException">Nobody reads the other end.</exception>
    /// <exception cref="OutputException">The stream is closed, or its device does not take the bytes.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (!_isOpen) throw new OutputException($"{_name}: must be open, found it closed.");
        if (_framework is not null)
        {
            WriteThroughFramework(buffer);
            return;
        }
        fixed (byte* first = buffer)
        {
            for (var done = 0; done < buffer.Length;)
            {
                var written = WriteFile(_descriptor, first + done, buffer.Length - done);
                if (written >= 0) done += (int)written;
                else ThrowUnlessTransient(Marshal.GetLastPInvokeError());
            }
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    /// <inheritdoc/>
    public override void Flush() { }
    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>
    /// Whether the stream was there when the program began. A file that the runtime has opened under a free number is closed on execution;
    /// an inherited one is not.
    /// </summary>
    private static bool IsInherited(int descriptor)
    {
        if (OperatingSystem.IsWindows()) return true;
        var flags = ControlFile(descriptor, GetDescriptorFlags);
        return flags >= 0 && (flags & ClosedOnExecution) == 0;
    }

    private void ThrowUnlessTransient(int error)
    {
        switch (error)
        {
            case Interrupted: return;
            case TryAgain or TryAgainOnMac:
                Thread.Sleep(Wait);
                return;
            case BrokenPipe: throw new ReaderGoneException(_name);
            default: throw new OutputException($"{_name}: cannot be written: {new Win32Exception(error).Message}.");
        }
    }

    private void WriteThroughFramework(ReadOnlySpan<byte> buffer)
    {
        try
        {
            _framework!.Write(buffer);
            _framework.Flush();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputException($"{_name}: cannot be written: {error.Message}");
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollQuestion
    {
        internal int Descriptor;
        internal short Question, Answer;
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint WriteFile(int descriptor, byte* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ControlFile(int descriptor, int command);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll(PollQuestion* questions, nuint count, int milliseconds);
}
