using Microsoft.Win32.SafeHandles;

namespace Coppice.Fuzz;

/// <summary>
/// A file for inputs that are read by path, in memory where the system has such a folder. It stays open: most of the cost of a short file
/// is opening it.
/// </summary>
internal sealed class InputFile
{
    private readonly SafeFileHandle _handle;

    /// <summary>Makes a file of that name in a folder of its own, which goes when the process ends.</summary>
    public InputFile(string name)
    {
        Folder = Targets.NewFolder();
        Path = System.IO.Path.Combine(Folder, name);
        _handle = File.OpenHandle(Path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
    }

    /// <summary>The folder, with nothing else in it.</summary>
    public string Folder { get; }
    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Makes <paramref name="input"/> the content.</summary>
    public void Write(byte[] input)
    {
        RandomAccess.Write(_handle, input, 0);
        RandomAccess.SetLength(_handle, input.Length);
    }
}
