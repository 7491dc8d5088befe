// The exit statuses of a process that could not become the service: systemd.exec(5), "Process Exit
// Codes". They are what outlives the manager, so each step that can fail has its own.
#pragma once

namespace svcd {

inline constexpr int kExitChdir = 200;
inline constexpr int kExitNice = 201;
inline constexpr int kExitFds = 202;
inline constexpr int kExitExec = 203;
inline constexpr int kExitLimits = 205;
inline constexpr int kExitOomAdjust = 206;
inline constexpr int kExitStdin = 208;
inline constexpr int kExitStdout = 209;
inline constexpr int kExitGroup = 216;
inline constexpr int kExitUser = 217;
inline constexpr int kExitSetsid = 220;
inline constexpr int kExitStderr = 222;
/// What systemd has no number for, because its manager does it before there is a process: an
/// EnvironmentFile that can't be read, a request that svcd-exec doesn't understand.
inline constexpr int kExitException = 255;

}  // namespace svcd
